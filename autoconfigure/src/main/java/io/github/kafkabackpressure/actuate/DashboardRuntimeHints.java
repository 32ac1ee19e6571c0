package io.github.kafkabackpressure.actuate;

import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;

/**
 * The files of the live page, for native images.
 *
 * <p>Threading: stateless.
 */
public final class DashboardRuntimeHints implements RuntimeHintsRegistrar {

    /** Makes it. */
    public DashboardRuntimeHints() {}

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        hints.resources()
                .registerPattern("io/github/kafkabackpressure/actuate/dashboard/*")
                .registerPattern("META-INF/resources/webjars/uplot/*/dist/*");
    }
}
