package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.ListenerOverflow;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Makes the answers to overload of what the sources of a listener's settings say.
 *
 * <p>Threading: stateless.
 */
final class OverloadReader {

    private static final String PRIORITY = "0 to 9";

    private static final Pattern TOPIC = Pattern.compile("[a-zA-Z0-9._-]{1,249}");

    private OverloadReader() {}

    /**
     * Takes each value from the first source that has it.
     *
     * @param maxInFlight the most records in flight
     * @throws InvalidBackpressurePropertyException if a value is impossible; names the source that it came from
     */
    static OverloadOptions read(SettingValues values, int maxInFlight) {
        Integer defaultPriority = values.first(
                "default-priority", ListenerSettings::defaultPriority, OverloadReader::isPriority, PRIORITY);
        String header = values.first(
                "priority-header", ListenerSettings::priorityHeader, name -> !name.isBlank(), "the name of a header");
        String expression = values.first(
                "priority",
                ListenerSettings::priority,
                RecordExpression::isExpression,
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
                values.partOfLimit("soft-limit", ListenerSettings::softLimit, maxInFlight),
                or(
                        values.first(
                                "shed-priority", ListenerSettings::shedPriority, OverloadReader::isBound, "0 to 10"),
                        3),
                or(
                        values.first(
                                "bypass-priority",
                                ListenerSettings::bypassPriority,
                                OverloadReader::isBound,
                                "0 to 10"),
                        8),
                or(defaultPriority, 5),
                or(header, OverloadOptions.PRIORITY_HEADER),
                expression,
                or(topics, Map.of()),
                expression != null || header != null || defaultPriority != null,
                RateLimitReader.read(values, maxInFlight == SettingValues.LARGEST_LIMIT));
    }

    private static boolean isPriority(int value) {
        return value >= 0 && value <= 9;
    }

    private static boolean isBound(int value) {
        return value >= 0 && value <= 10;
    }

    private static <T> T or(@Nullable T value, T fallback) {
        return value == null ? fallback : value;
    }
}
