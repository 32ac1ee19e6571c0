package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.Overflow;
import java.time.Duration;
import java.util.Map;
import java.util.function.ToIntFunction;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What of a listener's options its answers to overload go by.
 *
 * <p>Threading: immutable.
 *
 * @param overflow what happens when no more may be in flight
 * @param maxAge how old a record may be when its turn comes; zero for any age
 * @param droppedTo the topic of dropped records; null for none
 * @param softLimit records in flight from which on those below {@code shedPriority} are dropped; 0 for none
 * @param shedPriority records below it are dropped above the soft limit
 * @param defaultPriority the priority of a record that nothing says one of
 * @param topicPriority priorities of topics
 * @param priorities what records are worth, from 0 to 9; called by the consumers' threads
 */
public record OverloadSettings(
        ListenerOverflow overflow,
        Duration maxAge,
        @Nullable String droppedTo,
        int softLimit,
        int shedPriority,
        int defaultPriority,
        Map<String, Integer> topicPriority,
        ToIntFunction<ConsumerRecord<?, ?>> priorities) {

    /** Which records make room for others in the room where they wait. */
    Overflow victims() {
        return switch (overflow) {
            case PAUSE, CONFLATE -> Overflow.BLOCK;
            case DROP_NEWEST -> Overflow.DROP_NEWEST;
            case DROP_OLDEST -> Overflow.DROP_OLDEST;
            case DROP_RANDOM -> Overflow.DROP_RANDOM;
            case DROP_LOWEST_PRIORITY -> Overflow.DROP_LOWEST_PRIORITY;
        };
    }

    /** Whether no record is ever dropped, and none comes first for its topic. */
    boolean onlyHolds() {
        return overflow == ListenerOverflow.PAUSE && maxAge.isZero() && softLimit == 0 && topicPriority.isEmpty();
    }

    /** Whether the consumer polls on while there is no room. */
    public boolean pollsWhileFull() {
        return overflow != ListenerOverflow.PAUSE;
    }

    /** Whether a record is dropped above the soft limit. */
    public boolean sheds(long inFlight, int ofPriority) {
        return softLimit > 0 && inFlight >= softLimit && ofPriority < shedPriority;
    }

    /** Whether a record is too old to be handled. */
    boolean isTooOld(long timestamp, long nowMillis) {
        return !maxAge.isZero() && timestamp >= 0 && nowMillis - timestamp > maxAge.toMillis();
    }
}
