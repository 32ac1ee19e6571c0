package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.task.AllSteps;
import io.github.kafkabackpressure.listener.task.Flight;
import io.github.kafkabackpressure.listener.task.RecordSlice;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.KeyLanes;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.progress.OffsetTracker;
import io.github.kafkabackpressure.progress.Slice;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a partition's records wait for their turn, and from where they come back to its tracker once they are finished:
 * one by one, each on the lane that the order wants it on, or in slices.
 * In {@code partition} order both are on the one lane; in {@code key} order slices form a lane of their own, which begins
 * once those by key are empty, and is broken up before records are put on those again.
 *
 * <p>Threading: the consumer's thread.
 */
public final class PartitionLanes {

    private final OffsetTracker tracker;

    private final Ordering ordering;

    /** The lanes by key, null in other orders. */
    private final @Nullable KeyLanes byKey;

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

    private final Flight flight;

    /** The consumer's records that may hang. */
    private final Hanging allHanging;

    /** How many of these are this partition's. */
    private int hanging;

    PartitionLanes(OffsetTracker tracker, Ordering ordering, Hanging allHanging, Flight flight) {
        this.tracker = tracker;
        this.allHanging = allHanging;
        this.flight = flight;
        this.ordering = ordering;
        this.byKey = ordering == Ordering.KEY ? new KeyLanes() : null;
    }

    /** Whether records polled next had better become a slice: not if it would have to wait for a record that hangs. */
    boolean takesSlice() {
        if (byKey != null && byKey.size() == 0) {
            lanesLast = false;
        }
        return ordering == Ordering.UNORDERED || (hanging == 0 && !lanesLast);
    }

    /** Whether there are slices which records polled next cannot be put behind one by one. */
    boolean hasSlicesInTheWay() {
        return ordering != Ordering.UNORDERED && !slices.isEmpty();
    }

    /** How many keys have records on lanes of their own, in {@code key} order; all records in slices count as one. */
    int keys() {
        return byKey == null ? 0 : byKey.size() + (slices.isEmpty() ? 0 : 1);
    }

    /** Whether keys have records on lanes of their own, in {@code key} order. */
    boolean hasKeys() {
        return byKey != null && byKey.size() > 0;
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
        if (first && byKey != null && byKey.size() > 0) {
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
        if (slice == null || (byKey != null && byKey.size() > 0)) {
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
        allHanging.add(-hanging);
        hanging = 0;
    }

    /**
     * Breaks up all slices. Records that run go on, as tasks on their lanes.
     *
     * @return the records that no slice will run any more, none of them on a lane yet
     */
    List<RecordTask> breakUpSlices(long now) {
        // The newest first: a worker must not pass by a broken one to the whole one behind it.
        AllSteps steps = new AllSteps();
        for (Iterator<RecordSlice> left = slices.descendingIterator(); left.hasNext(); ) {
            RecordSlice slice = left.next();
            steps.take(() -> flight.leave(slice, Math.max(0, slice.breakUp(Slice.Side.CONSUMER))));
        }
        steps.end();
        List<RecordTask> rest = new ArrayList<>();
        boolean leaveLanes = false;
        for (RecordSlice slice : slices) {
            leaveLanes |= slice.leavesLanes();
            apply(slice, now);
            RecordTask current = (RecordTask) slice.current();
            if (current != null) {
                enqueueRunning(slice, current);
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
        if (ordering == Ordering.KEY || leaveLanes) {
            last = null; // what of the slices is left in their chain holds no key, or nothing at all
        }
        return rest;
    }

    private void enqueueRunning(RecordSlice slice, RecordTask task) {
        if (!task.applied) {
            task.leftSlice = true;
            hanging++;
            allHanging.add(1);
        }
        if (slice.leavesLanes()) {
            slice.goesOn(task);
        } else if (ordering == Ordering.PARTITION) {
            last = task.applied ? null : task;
        } else if (ordering == Ordering.KEY && !task.applied) {
            appendByKey(task);
        }
    }

    /**
     * Puts a registered record on its lane.
     *
     * @return true if it has to wait for another one, false if it may run now
     */
    public boolean enqueue(RecordTask task) {
        return switch (ordering) {
            case UNORDERED -> false;
            case PARTITION -> {
                LaneTask previous = last;
                last = task;
                yield previous != null && previous.append(task);
            }
            case KEY -> appendByKey(task);
        };
    }

    /** Takes in that a task is out of its lane, and finished if it was handled. */
    void applied(RecordTask task) {
        task.applied = true;
        if (task.leftSlice && hanging > 0) {
            hanging--;
            allHanging.add(-1);
        }
        if (last == task) {
            last = null;
        } else if (byKey != null) {
            byKey.finished(task);
        }
        if (task.handled) {
            tracker.finish(task.number);
        }
    }

    private boolean appendByKey(RecordTask task) {
        task.takeLane();
        return requireKeys().append(task);
    }

    private KeyLanes requireKeys() {
        if (byKey == null) {
            throw new IllegalStateException("no lanes by key in " + ordering + " order");
        }
        return byKey;
    }
}
