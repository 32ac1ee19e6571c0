package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.expression.ParseException;
import org.springframework.expression.spel.standard.SpelExpressionParser;

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

    /** Nothing but pauses. */
    static final OverloadOptions OFF = new OverloadOptions(
            ListenerOverflow.PAUSE, Duration.ZERO, null, 0, 3, 8, 5, Priorities.HEADER, null, Map.of(), false, null);

    private static final String PRIORITY = "0 to 9";

    private static final Pattern TOPIC = Pattern.compile("[a-zA-Z0-9._-]{1,249}");

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

    /** Whether the consumer polls on while there is no room. */
    boolean pollsWhileFull() {
        return overflow != ListenerOverflow.PAUSE;
    }

    /** Whether a record is dropped above the soft limit. */
    boolean sheds(long inFlight, int ofPriority) {
        return softLimit > 0 && inFlight >= softLimit && ofPriority < shedPriority;
    }

    /** Whether a record is too old to be handled. */
    boolean isTooOld(long timestamp, long nowMillis) {
        return !maxAge.isZero() && timestamp >= 0 && nowMillis - timestamp > maxAge.toMillis();
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

    /**
     * Takes each value from the first source that has it.
     *
     * @param maxInFlight the most records in flight
     * @throws InvalidBackpressurePropertyException if a value is impossible; names the source that it came from
     */
    static OverloadOptions of(List<Source> sources, int maxInFlight) {
        Values values = new Values(sources);
        Integer defaultPriority = values.first(
                "default-priority", ListenerSettings::defaultPriority, OverloadOptions::isPriority, PRIORITY);
        String header = values.first(
                "priority-header", ListenerSettings::priorityHeader, name -> !name.isBlank(), "the name of a header");
        String expression = values.first(
                "priority",
                ListenerSettings::priority,
                OverloadOptions::isExpression,
                "a SpEL expression on the ConsumerRecord, such as \"value.premium ? 9 : 3\"");
        Map<String, Integer> topics = values.first("topic-priority", ListenerSettings::topicPriority, all -> true, "");
        if (topics != null) {
            topics.forEach((topic, priority) -> {
                if (!isPriority(priority)) {
                    throw values.invalid("topic-priority", topic, priority, PRIORITY);
                }
            });
        }
        return new OverloadOptions(
                or(values.first("overflow", ListenerSettings::overflow, any -> true, ""), ListenerOverflow.PAUSE),
                or(
                        values.first(
                                "max-age",
                                ListenerSettings::maxAge,
                                age -> !age.isNegative() && age.compareTo(Duration.ofDays(3650)) <= 0,
                                "a duration from 0s, which is any age, to 3650d"),
                        Duration.ZERO),
                values.first(
                        "dropped-to",
                        ListenerSettings::droppedTo,
                        topic -> TOPIC.matcher(topic).matches(),
                        "the name of a topic"),
                softLimit(values, sources, maxInFlight),
                or(
                        values.first(
                                "shed-priority", ListenerSettings::shedPriority, OverloadOptions::isBound, "0 to 10"),
                        3),
                or(
                        values.first(
                                "bypass-priority",
                                ListenerSettings::bypassPriority,
                                OverloadOptions::isBound,
                                "0 to 10"),
                        8),
                or(defaultPriority, 5),
                or(header, Priorities.HEADER),
                expression,
                or(topics, Map.of()),
                expression != null || header != null || defaultPriority != null,
                RateLimitOptions.of(values, maxInFlight == ListenerOptions.LARGEST_LIMIT));
    }

    private static int softLimit(Values values, List<Source> sources, int maxInFlight) {
        boolean limitIsStronger = false;
        for (Source source : sources) {
            Integer limit = source.settings().softLimit();
            if (limit != null) {
                if (limit < 1 || (limit > maxInFlight && !limitIsStronger)) {
                    throw values.invalid(
                            source,
                            "soft-limit",
                            limit,
                            "a whole number from 1 to max-in-flight"
                                    + (maxInFlight == ListenerOptions.LARGEST_LIMIT
                                            ? ""
                                            : ", which is " + maxInFlight));
                }
                return Math.min(limit, maxInFlight);
            }
            limitIsStronger |= source.settings().maxInFlight() != null;
        }
        return 0;
    }

    private static boolean isPriority(int value) {
        return value >= 0 && value <= 9;
    }

    private static boolean isBound(int value) {
        return value >= 0 && value <= 10;
    }

    static boolean isExpression(String text) {
        try {
            new SpelExpressionParser().parseExpression(text);
            return true;
        } catch (ParseException | IllegalStateException e) {
            return false;
        }
    }

    private static <T> T or(@Nullable T value, T fallback) {
        return value == null ? fallback : value;
    }

    /**
     * The values that sources have.
     *
     * @param sources the strongest first
     */
    record Values(List<Source> sources) {

        /** The first value of a key, checked; null if no source has one. */
        <T> @Nullable T first(
                String key, Function<ListenerSettings, @Nullable T> getter, Predicate<T> legal, String legalValues) {
            for (Source source : sources) {
                T value = getter.apply(source.settings());
                if (value != null) {
                    if (!legal.test(value)) {
                        throw invalid(source, key, value, legalValues);
                    }
                    return value;
                }
            }
            return null;
        }

        InvalidBackpressurePropertyException invalid(Source source, String key, Object value, String legal) {
            return new InvalidBackpressurePropertyException(source.naming().apply(key), value, legal);
        }

        InvalidBackpressurePropertyException invalid(String key, Object value, String legal) {
            return new InvalidBackpressurePropertyException(Source.nameOf(sources, key), value, legal);
        }

        InvalidBackpressurePropertyException invalid(String map, String entry, Object value, String legal) {
            return new InvalidBackpressurePropertyException(Source.nameOf(sources, map) + "." + entry, value, legal);
        }
    }
}
