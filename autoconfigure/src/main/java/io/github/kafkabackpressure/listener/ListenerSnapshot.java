package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a listener has in work at a moment. The parts are read one after the other while it goes on, so they may differ
 * by what happened in between.
 *
 * <p>Threading: immutable.
 *
 * @param id the listener's id
 * @param ordering the order in which it handles records
 * @param maxInFlight the most records that it may have in flight
 * @param inFlight records polled and not finished
 * @param queued those of them that wait for their lane or for a worker; of quick records up to 31 finished ones, too
 * @param running those of them that are being handled, those in the back-off of a retry included
 * @param bytesInFlight bytes of keys and values in flight; 0 unless they are limited
 * @param partitions its assigned partitions in this JVM
 */
public record ListenerSnapshot(
        String id,
        Ordering ordering,
        int maxInFlight,
        long inFlight,
        long queued,
        long running,
        long bytesInFlight,
        List<Partition> partitions) {

    public ListenerSnapshot {
        partitions = List.copyOf(partitions);
    }

    /** The partitions that are paused, for whatever reason. */
    public long pausedPartitions() {
        return partitions.stream().filter(Partition::paused).count();
    }

    /**
     * A partition's part in it.
     *
     * @param topic the topic
     * @param partition the partition's number
     * @param inFlight records polled and not finished
     * @param queued those of them that wait for their lane or for a worker
     * @param running those of them that are being handled
     * @param pauseReason why it is paused; null if it is not
     * @param frontier the offset up to which everything polled is finished, as of the consumer's last look; -1 if
     *     nothing has been polled
     * @param committed the offset committed last by this assignment, or where it began; -1 if nothing has been polled
     * @param lastPolled the offset of the newest record polled; -1 if there is none
     */
    public record Partition(
            String topic,
            int partition,
            int inFlight,
            int queued,
            int running,
            @Nullable PauseReason pauseReason,
            long frontier,
            long committed,
            long lastPolled) {

        /** Whether the partition is paused. */
        public boolean paused() {
            return pauseReason != null;
        }
    }
}
