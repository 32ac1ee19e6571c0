package io.github.kafkabackpressure.actuate;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;

/**
 * How the endpoint writes down single values.
 *
 * <p>Threading: any thread.
 */
final class Json {

    /** How many causes of a failure are told. */
    private static final int CAUSES = 5;

    private Json() {}

    /** As properties write it: {@code max-in-flight}. */
    static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static <E extends Enum<E>, V> Map<String, V> byName(Map<E, V> values) {
        Map<String, V> named = new LinkedHashMap<>();
        new TreeMap<>(values).forEach((key, value) -> named.put(name(key), value));
        return named;
    }

    static <T> List<Map<String, @Nullable Object>> each(
            List<T> values, Function<T, Map<String, @Nullable Object>> json) {
        return values.stream().map(json).toList();
    }

    static @Nullable Long millis(@Nullable Duration duration) {
        return duration == null ? null : duration.toMillis();
    }

    static @Nullable String moment(@Nullable Instant moment) {
        return moment == null ? null : moment.toString();
    }

    static @Nullable Long unlessNegative(long value) {
        return value < 0 ? null : value;
    }

    static @Nullable Long unlessZero(long value) {
        return value == 0 ? null : value;
    }

    static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    /**
     * What went wrong: the types of an exception and its causes, and what Kafka says. Messages of others might hold what
     * was in a record.
     */
    static @Nullable List<Map<String, @Nullable Object>> failure(@Nullable Throwable failure) {
        if (failure == null) {
            return null;
        }
        return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
                .limit(CAUSES)
                .map(cause -> {
                    Map<String, @Nullable Object> json = new LinkedHashMap<>();
                    json.put("type", cause.getClass().getName());
                    json.put("message", isTelling(cause) ? cause.getMessage() : null);
                    return json;
                })
                .toList();
    }

    private static boolean isTelling(Throwable cause) {
        return cause instanceof ApiException && !(cause instanceof SerializationException);
    }
}
