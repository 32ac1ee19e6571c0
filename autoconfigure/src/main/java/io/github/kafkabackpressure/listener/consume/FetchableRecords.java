package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.Consumer;

/**
 * Which of a consumer's partitions have records to be fetched, or may have some for all that Kafka's consumer knows.
 *
 * <p>Threading: the consumer's thread.
 */
final class FetchableRecords {

    /** How long a partition's lag holds; to ask costs some 0.1 µs, or a round trip to another thread in newer groups. */
    private static final long LAG_HOLDS_NANOS = 5_000_000;

    /** The same for no lag; there may be many idle partitions. */
    private static final long NO_LAG_HOLDS_NANOS = 20_000_000;

    private final Assignment assignment;

    private final Consumer<?, ?> consumer;

    /**
     * Looks at the partitions of an assignment.
     *
     * @param consumer Kafka's own consumer
     */
    FetchableRecords(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.consumer = consumer;
    }

    /** Whether there may be some of any of these partitions. */
    boolean mayBeOfAny(Predicate<PartitionWork> among) {
        long now = assignment.run.nanoTime.getAsLong();
        for (PartitionWork work : assignment.works()) {
            if (among.test(work) && mayBeOf(work, now)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether there may be some of a partition, and nothing but room keeps them from being fetched.
     *
     * @param now the present time in nanoseconds
     */
    boolean mayBeOf(PartitionWork work, long now) {
        if (work.pausedByUser
                || work.ownReason == PauseReason.FRONTIER_STUCK
                || work.ownReason == PauseReason.COMMIT_METADATA) {
            return false;
        }
        if (now - work.lagHoldsUntil >= 0) {
            OptionalLong lag = consumer.currentLag(work.partition);
            work.mayHaveRecords = lag.isEmpty() || lag.getAsLong() > 0;
            work.lagHoldsUntil = now + (work.mayHaveRecords ? LAG_HOLDS_NANOS : NO_LAG_HOLDS_NANOS);
        }
        return work.mayHaveRecords;
    }
}
