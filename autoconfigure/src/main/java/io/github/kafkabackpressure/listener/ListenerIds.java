package io.github.kafkabackpressure.listener;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * How the ids of listeners are found among the keys of properties. An environment variable can hold neither a dash nor
 * a dot nor lower case, so ids that differ in nothing else are the same there.
 *
 * <p>Threading: stateless.
 */
public final class ListenerIds {

    /** What stands before the id of a listener. */
    static final String PREFIX = "kafka.backpressure.listeners";

    private ListenerIds() {}

    /**
     * Finds the keys that an id is set by: those that differ from it in case and punctuation only, as environment
     * variables do, which go before files, and then the id itself.
     *
     * @param id the listener's id
     * @param keys what stands under {@code kafka.backpressure.listeners}
     */
    public static List<String> keysOf(String id, Collection<String> keys) {
        String plain = plain(id);
        return keys.stream()
                .filter(key -> plain(key).equals(plain))
                .sorted(Comparator.comparing(id::equals))
                .toList();
    }

    private static String plain(String id) {
        return id.replaceAll("[^A-Za-z0-9]", "").toLowerCase(Locale.ROOT);
    }

    /** The key as it is written after {@code kafka.backpressure.listeners}: in brackets where it has other characters. */
    public static String written(String key) {
        return key.matches("[a-z0-9-]+") ? "." + key : "[" + key + "]";
    }
}
