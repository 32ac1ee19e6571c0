package io.github.kafkabackpressure.producer;

import java.time.Duration;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.core.env.Environment;
import org.springframework.util.StringUtils;

/**
 * Whether the flush of the producers fits into the time that Spring waits for its phase.
 *
 * <p>Threading: stateless.
 */
final class StopBudget {

    private static final Log logger = LogFactory.getLog(StopBudget.class);

    static final String PROPERTY = "kafka.backpressure.producer.flush-timeout";

    /** Boot's own name and default of the time that Spring waits for a phase to stop. */
    private static final String PHASE_TIMEOUT = "spring.lifecycle.timeout-per-shutdown-phase";

    private static final Duration DEFAULT_PHASE_TIMEOUT = Duration.ofSeconds(30);

    private StopBudget() {}

    /**
     * Warns if the flush, and the spool after it, may take longer than the phase.
     *
     * @param name how the time is called where it was set
     */
    static void check(String name, Duration flushTimeout, Environment environment) {
        Duration phase = phaseTimeout(environment);
        Duration keeping = Duration.ofSeconds(UndeliveredSends.KEEP_SECONDS);
        if (flushTimeout.plus(keeping).compareTo(phase) > 0) {
            logger.warn(name + " is " + flushTimeout.toMillis()
                    + " ms, but Spring waits for its phase of the shutdown no longer than " + phase.toMillis() + " ms ("
                    + PHASE_TIMEOUT + "), of which keeping what is left may take " + keeping.toMillis()
                    + " ms: what is not delivered by then may be neither kept nor reported. Set one of them so that the"
                    + " flush fits.");
        }
    }

    private static Duration phaseTimeout(Environment environment) {
        String set = environment.getProperty(PHASE_TIMEOUT);
        try {
            return StringUtils.hasText(set) ? DurationStyle.detectAndParse(set) : DEFAULT_PHASE_TIMEOUT;
        } catch (IllegalArgumentException e) {
            return DEFAULT_PHASE_TIMEOUT; // Boot refuses it
        }
    }
}
