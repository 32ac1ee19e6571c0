package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.context.ApplicationContext;
import org.springframework.core.log.LogAccessor;
import org.springframework.util.StringUtils;

/**
 * What is logged of a listener when it starts.
 *
 * <p>Threading: stateless.
 */
final class StartReport {

    /** Boot's own name and default of the time that Spring waits for a phase to stop. */
    private static final String PHASE_TIMEOUT = "spring.lifecycle.timeout-per-shutdown-phase";

    private static final Duration DEFAULT_PHASE_TIMEOUT = Duration.ofSeconds(30);

    private StartReport() {}

    static void log(
            LogAccessor log,
            String id,
            ListenerOptions options,
            boolean virtualThreads,
            String polls,
            UnaryOperator<String> settingNames,
            Duration stopMargin,
            @Nullable ApplicationContext context) {
        log.info(() -> "Listener '" + id + "': " + options.ordering().name().toLowerCase(Locale.ROOT)
                + " order, at most " + options.maxInFlight() + " records in flight and " + options.maxConcurrency()
                + " handled at once"
                + (virtualThreads
                        ? " on virtual threads, which may be given more by " + settingNames.apply("max-concurrency")
                        : "")
                + ", " + polls);
        Duration phase = phaseTimeout(context);
        if (options.drainTimeout().plus(stopMargin).compareTo(phase) > 0) {
            log.warn(() -> settingNames.apply("drain-timeout") + " of the listener '" + id + "' is "
                    + options.drainTimeout().toMillis()
                    + " ms, but Spring waits for its phase of the shutdown no longer"
                    + " than " + phase.toMillis() + " ms (" + PHASE_TIMEOUT + "), of which leaving the group may take "
                    + stopMargin.toMillis() + " ms: what is still being handled then is abandoned, and comes again."
                    + " Set one of them so that the drain fits.");
        }
    }

    private static Duration phaseTimeout(@Nullable ApplicationContext context) {
        String set = context == null ? null : context.getEnvironment().getProperty(PHASE_TIMEOUT);
        try {
            return StringUtils.hasText(set) ? DurationStyle.detectAndParse(set) : DEFAULT_PHASE_TIMEOUT;
        } catch (IllegalArgumentException e) {
            return DEFAULT_PHASE_TIMEOUT; // Boot refuses it
        }
    }
}
