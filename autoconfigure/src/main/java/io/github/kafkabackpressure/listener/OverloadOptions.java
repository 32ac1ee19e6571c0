package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.ListenerOverflow;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a listener answers overload, all sources taken together and checked.
 *
 * <p>Threading: immutable.
 *
 * @param overflow what happens when no more may be in flight
 * @param maxAge how old a record may be when its turn comes; zero for any age
 * @param droppedTo the topic of dropped records; null for none
 * @param softLimit records in flight from which on those below {@code shedPriority} are dropped; 0 for none
 * @param shedPriority records below it are dropped above the soft limit
 * @param bypassPriority records of this priority and above pass the rate limit
 * @param defaultPriority the priority of a record that nothing says one of
 * @param priorityHeader the header that holds a record's priority
 * @param priority an expression for a record's priority; null for none
 * @param topicPriority priorities of topics
 * @param usesPriorities whether any source says anything about priorities
 * @param rateLimit how many records may be started in a time; null for any number
 */
public record OverloadOptions(
        ListenerOverflow overflow,
        Duration maxAge,
        @Nullable String droppedTo,
        int softLimit,
        int shedPriority,
        int bypassPriority,
        int defaultPriority,
        String priorityHeader,
        @Nullable String priority,
        Map<String, Integer> topicPriority,
        boolean usesPriorities,
        @Nullable RateLimitOptions rateLimit) {

    /** The header of a record's priority unless another one is set; the producer's. */
    static final String PRIORITY_HEADER = "kafka_backpressure_priority";

    /** Nothing but pauses. */
    static final OverloadOptions OFF = new OverloadOptions(
            ListenerOverflow.PAUSE, Duration.ZERO, null, 0, 3, 8, 5, PRIORITY_HEADER, null, Map.of(), false, null);

    public OverloadOptions {
        topicPriority = Map.copyOf(topicPriority);
    }

    /** Whether records wait in a room, where more is decided about them than whose turn it is in a lane. */
    public boolean isOn() {
        return overflow != ListenerOverflow.PAUSE
                || !maxAge.isZero()
                || softLimit > 0
                || rateLimit != null
                || usesPriorities
                || !topicPriority.isEmpty();
    }

    /** Whether records may be dropped. */
    public boolean drops() {
        return overflow != ListenerOverflow.PAUSE || !maxAge.isZero() || softLimit > 0;
    }

    /** What drops records for a reason, as the properties have it. */
    public String strategy(DropReason reason) {
        return switch (reason) {
            case MAX_IN_FLIGHT -> overflow.propertyValue();
            case SOFT_LIMIT -> "soft-limit";
            case NEWER_RECORD -> ListenerOverflow.CONFLATE.propertyValue();
            case MAX_AGE -> "max-age";
        };
    }

    /** The same with another rate limit. */
    OverloadOptions withRateLimit(@Nullable RateLimitOptions limit) {
        return new OverloadOptions(
                overflow,
                maxAge,
                droppedTo,
                softLimit,
                shedPriority,
                bypassPriority,
                defaultPriority,
                priorityHeader,
                priority,
                topicPriority,
                usesPriorities,
                limit);
    }

    /** For retries of records: those have been begun, and none of them is dropped. */
    OverloadOptions ofRetries() {
        return new OverloadOptions(
                ListenerOverflow.PAUSE,
                Duration.ZERO,
                null,
                0,
                shedPriority,
                bypassPriority,
                defaultPriority,
                priorityHeader,
                priority,
                Map.of(),
                usesPriorities,
                rateLimit);
    }
}
