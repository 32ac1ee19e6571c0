package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.buffer.WaitingLanes;
import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.progress.OffsetTracker;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A partition for as long as it is assigned to a consumer: its records in work, its lanes and its frontier.
 *
 * <p>Threading: the consumer's thread, but for what workers may know of it ({@link RecordOrigin}), and the volatile
 * fields, which it alone writes and anyone may read.
 */
public final class PartitionWork extends RecordOrigin {

    public final OffsetTracker tracker = new OffsetTracker(-1);

    public final PartitionLanes lanes;

    /** What is to be seen of it from outside. */
    public final PartitionSight sight = new PartitionSight();

    /** Where its records wait if an {@link Overload} answers; null if they wait in {@link #lanes}. */
    final @Nullable WaitingLanes queues;

    /** What of it is held up by others of its records. */
    final HeldRecords held = new HeldRecords();

    /** Whether the user paused the partition. */
    boolean pausedByUser;

    /** Whether Kafka's consumer has been told that it is paused. */
    public boolean paused;

    /** Why the partition on its own, not the whole listener, should be paused. */
    @Nullable PauseReason ownReason;

    /** Whether it has, or for all that is known may have, records to be fetched; holds until {@link #lagHoldsUntil}. */
    boolean mayHaveRecords;

    /** Until when {@link #mayHaveRecords} need not be asked again, on the run's clock. */
    long lagHoldsUntil;

    /** How often the consumer has gone back; the consumer's thread only. */
    int rewinds;

    /** Whether it is among those to look at in this tick. */
    boolean touched;

    /** Why it is paused now, for the snapshot. */
    public volatile @Nullable PauseReason reason;

    public volatile long frontier = -1;

    public volatile long lastPolled = -1;

    /** What the tracker's {@code changes} were at the last commit; the consumer's thread only. */
    long committedChanges;

    /** The newest leader epoch that was seen, or -1; the consumer's thread only. */
    int leaderEpoch = -1;

    /** The newest leader epoch of what is remembered, or -1; the consumer's thread only. */
    int rememberedEpoch = -1;

    /**
     * Starts the work of a partition.
     *
     * @param owner the consumer that it is assigned to
     * @param hanging the consumer's records that may hang
     * @param queued whether its records wait in the room of an {@link Overload}
     */
    public PartitionWork(
            TopicPartition partition, ConsumerLink owner, ListenerRun run, Hanging hanging, boolean queued) {
        super(partition, owner);
        Ordering ordering = run.settings.ordering();
        this.lagHoldsUntil = run.nanoTime.getAsLong();
        this.lanes = new PartitionLanes(tracker, ordering, hanging, run.flight);
        this.queues = queued ? queues(ordering) : null;
    }

    private static WaitingLanes queues(Ordering ordering) {
        return new WaitingLanes(
                switch (ordering) {
                    case PARTITION -> WaitingLanes.Order.ALL;
                    case KEY -> WaitingLanes.Order.BY_KEY;
                    case UNORDERED -> WaitingLanes.Order.NONE;
                });
    }

    /**
     * Whether there is something to commit: a frontier, or what is finished beyond it.
     *
     * @param remembers whether commits say anything of the latter
     */
    boolean hasNews(long frontier, boolean remembers) {
        return frontier >= 0 && (frontier > committed || (remembers && committedChanges != tracker.changes()));
    }

    /** Whether a former assignment has finished a record that is registered next; the consumer's thread only. */
    boolean isRemembered(ConsumerRecord<?, ?> record) {
        if (!tracker.remembers()) {
            return false;
        }
        if (rememberedEpoch >= 0 && record.leaderEpoch().orElse(-1) > rememberedEpoch) {
            tracker.forget(record.offset()); // the log was cut off: another record stands there now
        }
        return tracker.isRemembered(record.offset());
    }

    /**
     * Takes in that the consumer has gone back: what is at or past an offset comes again, and what is below it goes on. The
     * slices must have been broken up.
     */
    public void rewind(long offset) {
        rewinds++;
        long from = tracker.rewind(offset);
        if (from < tracker.tail()) {
            drop(from, tracker.tail(), tracker.head());
        }
        frontier = tracker.frontier();
        lastPolled = Math.min(lastPolled, offset - 1);
        if (committed < 0 || committed > offset) {
            committed = offset; // where it begins now: what is finished from there on is to be committed
        }
    }
}
