package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import org.jspecify.annotations.Nullable;

/**
 * One reason for which a partition on its own, not the whole listener, is paused. The first rule of a list that says so
 * decides.
 *
 * <p>Threading: the consumer's thread.
 */
interface PauseRule {

    /** Why a partition should be paused; null if this is no reason to. May ask Kafka's consumer, which may throw. */
    @Nullable PauseReason why(PartitionWork work);

    /** With how many records of a paused partition in flight the consumer wants to be woken; -1: never. */
    default int wakeAt(PartitionWork work) {
        return work.wakeAt;
    }

    /** Whether the reason ended before {@link #wakeAt} was said: a completion before that has woken nobody. */
    default boolean hasEnded(PartitionWork work) {
        return false;
    }

    /** A rule for partitions whose consumer wants to be woken by any completion, as each may be the one that matters. */
    interface UntilAnyCompletion extends PauseRule {

        @Override
        default int wakeAt(PartitionWork work) {
            return Integer.MAX_VALUE;
        }
    }
}
