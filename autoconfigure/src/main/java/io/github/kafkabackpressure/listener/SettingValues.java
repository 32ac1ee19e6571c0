package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The values that the sources of a listener's settings have: of each, the strongest source that has one decides.
 *
 * <p>Threading: immutable.
 *
 * @param sources the strongest first
 */
record SettingValues(List<Source> sources) {

    /** Larger limits than this are of no use and would overflow the counters. */
    static final int LARGEST_LIMIT = 1 << 30;

    /**
     * A source and the way to name one of its values in a message.
     *
     * @param settings what the source says
     * @param naming from a key like {@code max-in-flight} to what the user wrote
     */
    record Source(ListenerSettings settings, Function<String, String> naming) {}

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

    /** The first value of a key, checked, or a fallback. */
    <T> T first(
            String key,
            Function<ListenerSettings, @Nullable T> getter,
            T fallback,
            Predicate<T> legal,
            String legalValues) {
        T value = first(key, getter, legal, legalValues);
        return value == null ? fallback : value;
    }

    /**
     * The first value of a limit for a part of {@code max-in-flight}, which is cut to that if it comes from a weaker
     * source; 0 if no source has one.
     */
    int partOfLimit(String key, Function<ListenerSettings, @Nullable Integer> getter, int maxInFlight) {
        boolean limitIsStronger = false;
        for (Source source : sources) {
            Integer value = getter.apply(source.settings());
            if (value != null) {
                if (!isLimit(value) || (value > maxInFlight && !limitIsStronger)) {
                    String which = maxInFlight == LARGEST_LIMIT ? "" : ", which is " + maxInFlight;
                    throw invalid(source, key, value, "a whole number from 1 to max-in-flight" + which);
                }
                return Math.min(value, maxInFlight);
            }
            limitIsStronger |= source.settings().maxInFlight() != null;
        }
        return 0;
    }

    /** Whether a number can be a limit. */
    static boolean isLimit(int value) {
        return value >= 1 && value <= LARGEST_LIMIT;
    }

    InvalidBackpressurePropertyException invalid(Source source, String key, Object value, String legal) {
        return new InvalidBackpressurePropertyException(source.naming().apply(key), value, legal);
    }

    InvalidBackpressurePropertyException invalid(String key, Object value, String legal) {
        return new InvalidBackpressurePropertyException(nameOf(key), value, legal);
    }

    InvalidBackpressurePropertyException invalid(String map, String entry, Object value, String legal) {
        return new InvalidBackpressurePropertyException(nameOf(map) + "." + entry, value, legal);
    }

    /**
     * The name of what set a value, for a message about it: that of the first source that has it, else the property of
     * all listeners, whose default holds.
     *
     * @param key such as {@code max-in-flight}
     */
    String nameOf(String key) {
        SettingKey setting = SettingKey.all(ListenerSettings.class).stream()
                .filter(known -> known.name().equals(key))
                .findFirst()
                .orElseThrow();
        return sources.stream()
                .filter(source -> setting.of(source.settings()) != null)
                .findFirst()
                .map(source -> source.naming().apply(key))
                .orElse("kafka.backpressure.listener." + key);
    }
}
