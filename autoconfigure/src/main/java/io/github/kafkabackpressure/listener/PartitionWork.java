package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.buffer.WaitingLanes;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.progress.DroppedRecords;
import io.github.kafkabackpressure.progress.OffsetTracker;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A partition for as long as it is assigned to a consumer: its records in work, its lanes and its frontier. Whatever comes back for it later touches only this object, which nobody looks at any more.
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

    final OffsetTracker tracker = new OffsetTracker(-1);

    final PartitionLanes lanes;

    /** What is to be seen of it from outside. */
    final PartitionSight sight = new PartitionSight();

    /** Where its records wait if an {@link Overload} answers; null if they wait in {@link #lanes}. */
    final @Nullable WaitingLanes queues;

    /** What of it is held up by others of its records; the consumer's thread only. */
    final HeldRecords held = new HeldRecords();

    private final AtomicLong bytes = new AtomicLong();

    /** What ends attempts whose methods have returned and of which nobody has said how they ended. */
    private final Set<Runnable> unacknowledged = ConcurrentHashMap.newKeySet();

    /** Records that wait between two attempts without a thread. */
    private final Set<WaitingRecord> waiting = ConcurrentHashMap.newKeySet();

    /** The records that seeks have dropped: those that wait will not start, those that run count for nothing. */
    private volatile DroppedRecords dropped = DroppedRecords.NONE;

    /** Whether the user paused the partition. */
    boolean pausedByUser;

    /** Whether Kafka's consumer has been told that it is paused. */
    boolean paused;

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

    /** What the tracker's {@code changes} were at the last commit; the consumer's thread only. */
    long committedChanges;

    /** The newest leader epoch that was seen, or -1; the consumer's thread only. */
    int leaderEpoch = -1;

    /** The newest leader epoch of what is remembered, or -1; the consumer's thread only. */
    int rememberedEpoch = -1;

    /** Whether the partition has left: what still runs is given up, and its next owner handles it again. */
    volatile boolean gone;

    PartitionWork(TopicPartition partition, Assignment owner, Ordering ordering) {
        this.partition = partition;
        this.owner = owner;
        this.lagHoldsUntil = owner.run.nanoTime.getAsLong();
        this.lanes = new PartitionLanes(this, ordering);
        this.queues = owner.run.overload == null ? null : Sorter.lanes(ordering);
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
    void rewind(long offset) {
        rewinds++;
        long from = tracker.rewind(offset);
        if (from < tracker.tail()) {
            dropped = dropped.with(from, tracker.tail(), tracker.head());
        }
        frontier = tracker.frontier();
        lastPolled = Math.min(lastPolled, offset - 1);
        if (committed < 0 || committed > offset) {
            committed = offset; // where it begins now: what is finished from there on is to be committed
        }
    }

    /** Whether a record that is not finished has been dropped by a seek. Called by any thread. */
    boolean hasDropped(long number) {
        DroppedRecords records = dropped;
        return records != DroppedRecords.NONE && records.contains(number);
    }

    /**
     * Notes what looks whether an attempt is given up that nobody has acknowledged: it is called after seeks, and when
     * the partition has left. Called by workers.
     *
     * @param look ends the attempt if it is given up; called by any thread, and maybe several times
     */
    void addUnacknowledged(Runnable look) {
        unacknowledged.add(look);
        if (gone || dropped != DroppedRecords.NONE) {
            look.run();
        }
    }

    /** Forgets what {@link #addUnacknowledged} noted. Called by any thread. */
    void removeUnacknowledged(Runnable look) {
        unacknowledged.remove(look);
    }

    /**
     * Ends the attempts that nobody has acknowledged and that are given up, as nobody can be expected to: users forget
     * what they have not acknowledged of a partition that is revoked or in which they have sought back.
     */
    void giveUpUnacknowledged() {
        List.copyOf(unacknowledged).forEach(Runnable::run);
    }

    /** Notes a record that waits between two attempts without a thread. Called by workers. */
    void addWaiting(WaitingRecord record) {
        waiting.add(record);
    }

    /** Forgets a record that waits no longer. Called by any thread. */
    void removeWaiting(WaitingRecord record) {
        waiting.remove(record);
    }

    /** Whether records wait between two attempts. */
    boolean hasWaiting() {
        return !waiting.isEmpty();
    }

    /** How many records wait between two attempts. */
    int waitingRecords() {
        return waiting.size();
    }

    /** Ends the waits of records with which there is nothing to go on. */
    void endWaits() {
        waiting.forEach(WaitingRecord::endIfOver);
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
