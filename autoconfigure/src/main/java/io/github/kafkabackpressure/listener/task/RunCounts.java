package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import java.util.Collection;
import org.apache.kafka.common.TopicPartition;

/**
 * What is counted while a listener runs: the port to its statistics. Durations are in nanoseconds.
 *
 * <p>Threading: the consumers' threads and the workers.
 */
public interface RunCounts {

    /** Whether somebody else is told of each record, which takes as long as a quick record. */
    boolean wantsRecords();

    /** Counts a record that a worker has started. */
    void started(long waitedNanos);

    /** Counts records that a worker has started, and that have waited for about as long as each other. */
    void started(long waitedNanos, int records);

    /** Counts a record that has ended. */
    void finished(RecordOutcome outcome, long nanos);

    /** Counts records that ended in the same way, and took so long each, on average. */
    void finished(RecordOutcome outcome, long nanos, int records);

    /** Counts records that a former assignment had finished. */
    void remembered(int records);

    /** Counts an attempt that has failed. */
    void attemptFailed();

    /** Counts a further attempt. */
    void retried();

    /** Counts records that a poll has brought. */
    void polled(int records);

    /** Counts a pause of the listener, or of one of its partitions. */
    void paused(PauseReason reason);

    /** Counts the end of such a pause. */
    void resumed(PauseReason reason);

    /** Counts a commit. */
    void committed(boolean success);

    /** Counts metadata of a commit that is damaged. Returns whether there was none before. */
    boolean metadataDamaged();

    /** Takes in that a consumer has been given partitions. */
    void assigned(Collection<TopicPartition> partitions);

    /** Takes in that partitions are taken away from a consumer. */
    void revoked(Collection<TopicPartition> partitions);

    /** Takes in that partitions have been taken away from a consumer before it heard of it. */
    void lost(Collection<TopicPartition> partitions);

    /**
     * Takes in that partitions that leave have been drained.
     *
     * @param partitions how many they are
     * @param left records that are still being handled, and given up
     */
    void drained(int partitions, int left, long nanos);

    /**
     * Takes in where a partition was left, after its last commit.
     *
     * @param remembered finished records past the committed offset which that commit remembers
     * @param again finished records which no commit tells of
     * @param unfinished records that were polled and are not finished
     */
    void left(long remembered, long again, long unfinished);

    /** Takes in what the time of a consumer went into that ends, in nanoseconds by kind. */
    void consumerEnded(long[] times);
}
