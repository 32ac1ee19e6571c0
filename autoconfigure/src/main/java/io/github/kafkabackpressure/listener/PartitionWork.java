package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.progress.KeyLanes;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.progress.OffsetTracker;
import io.github.kafkabackpressure.progress.Slice;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A partition for as long as it is assigned to a consumer and not sought: its records in work, its lanes and its
 * frontier. Whatever comes back for it later touches only this object, which nobody looks at any more.
 *
 * <p>Threading: the consumer's thread, but for {@link #inFlight} and {@link #bytes} (workers too), and the volatile
 * fields, which it alone writes and anyone may read.
 */
final class PartitionWork {

    /** What {@link #bytes} holds once the assignment is over and its bytes have been given back. */
    private static final long BYTES_CLOSED = Long.MIN_VALUE;

    final TopicPartition partition;

    final Assignment owner;

    final PartitionInFlight inFlight = new PartitionInFlight();

    final OffsetTracker tracker;

    /** The lanes by key, null in other orders; handed on when a seek starts the partition's work anew. */
    final @Nullable KeyLanes lanes;

    private final AtomicLong bytes = new AtomicLong();

    private final Ordering ordering;

    /**
     * The last task of the only lane in {@code partition} order, null if that lane is known to be empty; in {@code key}
     * order the last slice, null if there is none.
     */
    private @Nullable LaneTask last;

    /** The slices that are not known to be over, in the order of their records. */
    private final Deque<RecordSlice> slices = new ArrayDeque<>();

    /** The slice that may run once there are no lanes by key any more; one of {@link #slices}, or null. */
    private @Nullable RecordSlice afterLanes;

    /** Whether a slice has waited for the lanes by key in vain: while they last, records are put on them one by one. */
    private boolean lanesLast;

    /** The part of {@link Assignment#hanging} that is this partition's. */
    private int hanging;

    /** Whether the user paused the partition. */
    boolean pausedByUser;

    /** Whether Kafka's consumer has been told that it is paused. */
    boolean paused;

    /** Why the partition on its own, not the whole listener, should be paused. */
    @Nullable PauseReason ownReason;

    /** Whether it is among those to look at in this tick. */
    boolean touched;

    /** When its in-flight count falls to this or below, the consumer wants to be woken. -1: never. */
    volatile int wakeAt = -1;

    /** Why it is paused now, for the snapshot. */
    volatile @Nullable PauseReason reason;

    volatile long frontier = -1;

    /**
     * The offset that was committed last by this assignment, or where it began; -1 if neither is known. Where records
     * have transactions of their own it is their workers, one after the other, who write it once the consumer's thread
     * has.
     */
    volatile long committed = -1;

    volatile long lastPolled = -1;

    /** Whether the partition has left: what still runs is given up, and its next owner handles it again. */
    volatile boolean gone;

    PartitionWork(TopicPartition partition, Assignment owner, Ordering ordering) {
        this(partition, owner, ordering, ordering == Ordering.KEY ? new KeyLanes() : null);
    }

    private PartitionWork(TopicPartition partition, Assignment owner, Ordering ordering, @Nullable KeyLanes lanes) {
        this.partition = partition;
        this.owner = owner;
        this.ordering = ordering;
        this.lanes = lanes;
        this.tracker = new OffsetTracker(-1);
    }

    /**
     * The work of the same partition after a seek. It goes on with the same lanes, so that a new record still waits for
     * an old one of its lane that runs; of the old ones that only wait none will start.
     */
    PartitionWork soughtAnew() {
        PartitionWork work = new PartitionWork(partition, owner, ordering, lanes);
        work.last = last;
        work.pausedByUser = pausedByUser;
        work.paused = paused;
        work.reason = reason;
        return work;
    }

    /** Whether records polled next had better become a slice: not if it would have to wait for a record that hangs. */
    boolean takesSlice() {
        if (lanes != null && lanes.size() == 0) {
            lanesLast = false;
        }
        return ordering == Ordering.UNORDERED || (hanging == 0 && !lanesLast);
    }

    /** Whether there are slices which records polled next cannot be put behind one by one. */
    boolean hasSlicesInTheWay() {
        return ordering != Ordering.UNORDERED && !slices.isEmpty();
    }

    boolean hasSlices() {
        return !slices.isEmpty();
    }

    /**
     * Puts a slice behind the one before it, or behind all lanes by key.
     *
     * @return true if it has to wait for another task, false if it may run now
     */
    boolean enqueue(RecordSlice slice) {
        boolean first = slices.isEmpty();
        slices.add(slice);
        if (first && lanes != null && lanes.size() > 0) {
            afterLanes = slice;
            last = slice;
            return true;
        }
        if (ordering == Ordering.UNORDERED) {
            return false;
        }
        LaneTask previous = last;
        last = slice;
        return previous != null && previous.append(slice);
    }

    /** Takes the slice that has waited for the lanes by key, if there are none any more. */
    @Nullable RecordSlice takeSliceAfterLanes() {
        RecordSlice slice = afterLanes;
        if (slice == null || (lanes != null && lanes.size() > 0)) {
            return null;
        }
        afterLanes = null;
        return slice;
    }

    /**
     * Takes in what is finished of the slices.
     *
     * @return whether that is more than before
     */
    boolean applySlices(long now) {
        boolean moved = false;
        for (Iterator<RecordSlice> left = slices.iterator(); left.hasNext(); ) {
            RecordSlice slice = left.next();
            moved |= apply(slice, now);
            if (slice.applied == slice.size()) {
                left.remove();
                if (last == slice) {
                    last = null;
                }
            }
        }
        return moved;
    }

    private boolean apply(RecordSlice slice, long now) {
        int claimed = slice.claimed();
        if (claimed != slice.claimedBefore) {
            slice.claimedBefore = claimed;
            slice.movedAt = now;
        }
        int finished = slice.finished();
        if (finished == slice.applied) {
            return false;
        }
        tracker.finish(slice.firstNumber + slice.applied, finished - slice.applied);
        slice.applied = finished;
        return true;
    }

    /**
     * Whether a slice is broken up, or since before a time has run the same record or waited for lanes: then the others
     * must not wait for it.
     */
    boolean hasStuckSlice(long since) {
        for (RecordSlice slice : slices) {
            boolean waits = slice.claimedBefore > 0 || slice == afterLanes;
            if (slice.isBrokenUp() || (waits && slice.movedAt - since < 0)) {
                return true;
            }
        }
        return false;
    }

    /** Says that no records are waited for any more that ran when their slices were broken up. */
    void forgetHanging() {
        owner.hanging -= hanging;
        hanging = 0;
    }

    /**
     * Breaks up all slices. Records that run go on, as tasks on their lanes.
     *
     * @return the records that no slice will run any more, none of them on a lane yet
     */
    List<RecordTask> breakUpSlices(long now) {
        // The newest first: a worker must not pass by a broken one to the whole one behind it.
        for (Iterator<RecordSlice> left = slices.descendingIterator(); left.hasNext(); ) {
            RecordSlice slice = left.next();
            owner.run.leaveFlight(slice, Math.max(0, slice.breakUp(Slice.Side.CONSUMER)));
        }
        List<RecordTask> rest = new ArrayList<>();
        for (RecordSlice slice : slices) {
            apply(slice, now);
            RecordTask current = (RecordTask) slice.current();
            if (current != null) {
                enqueueRunning(current);
            }
            if (slice.isOver()) {
                last = last == slice ? null : last;
                continue;
            }
            for (int index = slice.claimed(); index < slice.size(); index++) {
                rest.add(slice.taskOf(index));
            }
            if (current == null) {
                slice.letGo(); // it may hold its place in a lane for long
            }
        }
        slices.clear();
        lanesLast |= afterLanes != null;
        afterLanes = null;
        if (ordering == Ordering.KEY) {
            last = null; // what of the slices is left in their chain holds no key
        }
        return rest;
    }

    private void enqueueRunning(RecordTask task) {
        if (!task.applied) {
            task.leftSlice = true;
            hanging++;
            owner.hanging++;
        }
        if (ordering == Ordering.PARTITION) {
            last = task.applied ? null : task;
        } else if (ordering == Ordering.KEY && !task.applied) {
            requireLanes().append(task);
        }
    }

    /**
     * Puts a registered record on its lane.
     *
     * @return true if it has to wait for another one, false if it may run now
     */
    boolean enqueue(RecordTask task) {
        return switch (ordering) {
            case UNORDERED -> false;
            case PARTITION -> {
                LaneTask previous = last;
                last = task;
                yield previous != null && previous.append(task);
            }
            case KEY -> requireLanes().append(task);
        };
    }

    /** Takes in that a task is out of its lane, and finished if it was handled. */
    void applied(RecordTask task) {
        task.applied = true;
        if (task.leftSlice && hanging > 0) {
            hanging--;
            owner.hanging--;
        }
        if (last == task) {
            last = null;
        } else if (lanes != null) {
            lanes.finished(task);
        }
        if (task.handled) {
            tracker.finish(task.number);
        }
    }

    private KeyLanes requireLanes() {
        if (lanes == null) {
            throw new IllegalStateException("no lanes by key in " + ordering + " order");
        }
        return lanes;
    }

    void addBytes(long size) {
        bytes.addAndGet(size);
    }

    /**
     * Takes a record's bytes out.
     *
     * @return false if the assignment is over and all its bytes are out already
     */
    boolean removeBytes(long size) {
        while (true) {
            long now = bytes.get();
            if (now == BYTES_CLOSED) {
                return false;
            }
            if (bytes.compareAndSet(now, now - size)) {
                return true;
            }
        }
    }

    /** Takes all bytes out for good and says how many they were. */
    long closeBytes() {
        long now = bytes.getAndSet(BYTES_CLOSED);
        return now == BYTES_CLOSED ? 0 : now;
    }
}
