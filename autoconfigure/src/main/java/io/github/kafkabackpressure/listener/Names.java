package io.github.kafkabackpressure.listener;

import java.util.Locale;

/**
 * How enum constants are written wherever somebody reads them: {@code max-in-flight}.
 *
 * <p>Threading: any thread.
 */
final class Names {

    private Names() {}

    static String of(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
