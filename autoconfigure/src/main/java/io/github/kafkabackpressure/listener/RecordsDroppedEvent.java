package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import java.time.Duration;
import java.util.Map;

/**
 * A listener has dropped records: one event for each episode, which ends when no record has been dropped for five seconds,
 * when the listener stops, or after a minute. Published as an application event on a consumer's thread.
 *
 * <p>Threading: immutable.
 *
 * @param listener the listener's id
 * @param dropped how many, by reason
 * @param duration how long the episode has lasted
 */
public record RecordsDroppedEvent(String listener, Map<DropReason, Long> dropped, Duration duration) {

    public RecordsDroppedEvent {
        dropped = Map.copyOf(dropped);
    }

    /** How many records were dropped in all. */
    public long total() {
        return dropped.values().stream().mapToLong(Long::longValue).sum();
    }
}
