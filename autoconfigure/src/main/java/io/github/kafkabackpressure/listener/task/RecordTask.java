package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.progress.KeyHash;
import io.github.kafkabackpressure.progress.LaneTask;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.core.log.LogAccessor;

/**
 * A polled record on its way: what a lane holds, a worker handles and the mailbox brings back.
 *
 * <p>Threading: handed from the consumer's thread to a worker and back by the queues between them.
 */
public class RecordTask extends LaneTask {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordTask.class));

    private static final KeyHash KEY_HASH = new KeyHash((type, cause) -> LOG.warn(
            cause,
            () -> "Keys, or parts of keys, of the class " + type.getName()
                    + (cause == null ? " have no equals() and hashCode()" : " cannot be hashed")
                    + ", so records of a partition whose keys differ in nothing else are handled one after the other."
                    + " Give the class both methods, go by what they say in a native image (a runtime hint with"
                    + " MemberCategory.INVOKE_PUBLIC_METHODS), or deserialize the key as a text or as bytes."));

    public final ConsumerRecord<?, ?> record;

    public final RecordOrigin partition;

    /** The record's number in the partition's tracker. */
    public final long number;

    /** When the record was put on its lane: nanoseconds on the run's clock. */
    final long queuedAt;

    /** Whether the record needs no further handling; written by the worker before the task goes to the mailbox. */
    public boolean handled;

    /** Whether it ran when its slice was broken up; as {@link #applied}. */
    public boolean leftSlice;

    private boolean laneTaken;

    /** Whether the consumer's thread has taken in that the task is out of its lane; only that thread uses it. */
    public boolean applied;

    public RecordTask(ConsumerRecord<?, ?> record, RecordOrigin partition, long number, long queuedAt) {
        this.record = record;
        this.partition = partition;
        this.number = number;
        this.queuedAt = queuedAt;
    }

    /** Takes in that it was taken from its lane and not started after all. Called by the worker that has taken it. */
    public void notStarted() {}

    /** Whether a seek has dropped it before it was finished. Called by any thread. */
    public boolean isDropped() {
        return !handled && partition.hasDropped(number);
    }

    /** How long it has waited by now, in nanoseconds; a worker may have looked at the clock before it was there. */
    public long waited(long now) {
        return Math.max(0, now - queuedAt);
    }

    /** Whether there is nothing to go on with: no attempt is to follow. Called by any thread. */
    public boolean isOver() {
        return partition.inFlight.isClosed() || isDropped();
    }

    /** Whether nobody is waited for any more who might say how it ended. Called by any thread. */
    public boolean isGivenUp() {
        return partition.gone || isDropped();
    }

    /** A hash of a record's key by what was on the wire. */
    public static int hashOfKey(ConsumerRecord<?, ?> record) {
        return KEY_HASH.of(record.key());
    }

    /** Says which lane by key it is on, unless that was said before. Before a handler sees the key. */
    public void takeLane() {
        if (!laneTaken) {
            takeLane(hashOfKey(record));
        }
    }

    /** Says which lane by key it is on, by the hash that was taken of its key before a handler saw it. */
    public void takeLane(int keyHash) {
        laneTaken = true;
        setLane(keyHash);
    }
}
