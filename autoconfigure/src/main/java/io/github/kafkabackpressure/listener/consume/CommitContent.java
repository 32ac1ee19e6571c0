package io.github.kafkabackpressure.listener.consume;

import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.LongFunction;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * What is committed for a partition, and what becomes of it when the partition is assigned again.
 *
 * <p>Threading: the consumer's thread.
 */
public interface CommitContent {

    /** Commits of offsets and nothing else but what users add to them. */
    static CommitContent plain(LongFunction<OffsetAndMetadata> metadata) {
        return work -> metadata.apply(work.tracker.frontier());
    }

    /** What is to be committed for a partition now. */
    OffsetAndMetadata of(PartitionWork work);

    /** Whether it says anything of what is finished beyond the frontier. */
    default boolean remembers() {
        return false;
    }

    /** How many offsets beyond the frontier a commit with such content tells of as finished. */
    default long remembered(OffsetAndMetadata content) {
        return 0;
    }

    /** Whether a partition should not poll before more of it is finished, as otherwise it might say too much to fit. */
    default boolean isNearlyFull(PartitionWork work) {
        return false;
    }

    /**
     * Takes in that a commit has failed.
     *
     * @param offsets what was to be committed
     * @return whether it was for what is said here, and less will be said from now on
     */
    default boolean refused(@Nullable Exception failure, Collection<OffsetAndMetadata> offsets) {
        return false;
    }

    /**
     * Gives partitions that are newly assigned what their last owners have said of them.
     *
     * @param committed asks for what is committed, for at most a time
     */
    default void recall(
            Collection<PartitionWork> added,
            BiFunction<Set<TopicPartition>, Duration, Map<TopicPartition, OffsetAndMetadata>> committed) {}
}
