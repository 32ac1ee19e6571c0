package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.progress.DroppedRecords;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;

/**
 * Where a record comes from, as far as a worker may know: its partition for as long as that is assigned to a consumer.
 * Whatever comes back for it later touches only this object, which nobody looks at any more.
 *
 * <p>Threading: any thread, but for what says otherwise.
 */
public class RecordOrigin {

    /** What {@link #bytes} holds once the assignment is over and its bytes have been given back. */
    private static final long BYTES_CLOSED = Long.MIN_VALUE;

    /** A record that waits between two attempts without a thread. */
    public interface Wait {

        /** Ends the wait if there is nothing to go on with. */
        void endIfOver();
    }

    public final TopicPartition partition;

    /** The consumer that it is assigned to. */
    public final ConsumerLink owner;

    public final PartitionInFlight inFlight = new PartitionInFlight();

    private final AtomicLong bytes = new AtomicLong();

    /** What ends attempts whose methods have returned and of which nobody has said how they ended. */
    private final Set<Runnable> unacknowledged = ConcurrentHashMap.newKeySet();

    private final Set<Wait> waits = ConcurrentHashMap.newKeySet();

    /** The records that seeks have dropped: those that wait will not start, those that run count for nothing. */
    private volatile DroppedRecords dropped = DroppedRecords.NONE;

    /** When its in-flight count falls to this or below, the consumer wants to be woken. -1: never. */
    public volatile int wakeAt = -1;

    /**
     * The offset that was committed last by this assignment, or where it began; -1 if neither is known. Where records
     * have transactions of their own it is their workers, one after the other, who write it once the consumer's thread
     * has.
     */
    public volatile long committed = -1;

    /** Whether the partition has left: what still runs is given up, and its next owner handles it again. */
    public volatile boolean gone;

    public RecordOrigin(TopicPartition partition, ConsumerLink owner) {
        this.partition = partition;
        this.owner = owner;
    }

    /** Takes in which records, by their numbers, a seek has dropped. The consumer's thread. */
    public final void drop(long from, long tail, long head) {
        dropped = dropped.with(from, tail, head);
    }

    /** Whether a record that is not finished has been dropped by a seek. */
    public final boolean hasDropped(long number) {
        DroppedRecords records = dropped;
        return records != DroppedRecords.NONE && records.contains(number);
    }

    /**
     * Notes what looks whether an attempt is given up that nobody has acknowledged: it is called after seeks, and when
     * the partition has left.
     *
     * @param look ends the attempt if it is given up; called by any thread, and maybe several times
     */
    public final void addUnacknowledged(Runnable look) {
        unacknowledged.add(look);
        if (gone || dropped != DroppedRecords.NONE) {
            look.run();
        }
    }

    /** Forgets what {@link #addUnacknowledged} noted. */
    public final void removeUnacknowledged(Runnable look) {
        unacknowledged.remove(look);
    }

    /**
     * Ends the attempts that nobody has acknowledged and that are given up, as nobody can be expected to: users forget
     * what they have not acknowledged of a partition that is revoked or in which they have sought back.
     */
    public final void giveUpUnacknowledged() {
        List.copyOf(unacknowledged).forEach(Runnable::run);
    }

    /** Notes a record that waits between two attempts without a thread. */
    public final void addWaiting(Wait record) {
        waits.add(record);
    }

    /** Forgets a record that waits no longer. */
    public final void removeWaiting(Wait record) {
        waits.remove(record);
    }

    /** Whether records wait between two attempts. */
    public final boolean hasWaiting() {
        return !waits.isEmpty();
    }

    /** How many records wait between two attempts. */
    public final int waitingRecords() {
        return waits.size();
    }

    /** Ends the waits of records with which there is nothing to go on. */
    public final void endWaits() {
        waits.forEach(Wait::endIfOver);
    }

    final void addBytes(long size) {
        bytes.addAndGet(size);
    }

    /**
     * Takes a record's bytes out.
     *
     * @return false if the assignment is over and all its bytes are out already
     */
    final boolean removeBytes(long size) {
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
    final long closeBytes() {
        long now = bytes.getAndSet(BYTES_CLOSED);
        return now == BYTES_CLOSED ? 0 : now;
    }
}
