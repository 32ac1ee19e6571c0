package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.progress.KeyLanes;
import io.github.kafkabackpressure.progress.OffsetTracker;
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

    /** The last task of the only lane in {@code partition} order, null if that lane is known to be empty. */
    private @Nullable RecordTask last;

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

    /**
     * Puts a registered record on its lane.
     *
     * @return true if it has to wait for another one, false if it may run now
     */
    boolean enqueue(RecordTask task) {
        return switch (ordering) {
            case UNORDERED -> false;
            case PARTITION -> {
                RecordTask previous = last;
                last = task;
                yield previous != null && previous.append(task);
            }
            case KEY -> requireLanes().append(task);
        };
    }

    /** Takes in that a task is out of its lane, and finished if it was handled. */
    void applied(RecordTask task) {
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
