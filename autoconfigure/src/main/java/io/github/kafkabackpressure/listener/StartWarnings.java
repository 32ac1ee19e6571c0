package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.BeanWrapper;
import org.springframework.beans.PropertyAccessorFactory;
import org.springframework.context.ApplicationContext;

/**
 * Which settings of a listener fight with Kafka's or with those of the application.
 *
 * <p>Threading: stateless.
 */
final class StartWarnings {

    /** The names that pools of database connections have for their size. */
    private static final List<String> POOL_SIZES = List.of("maximumPoolSize", "maxTotal", "maxPoolSize", "maxActive");

    private StartWarnings() {}

    /**
     * What does not fit together, each with what to do.
     *
     * @param maxPollInterval Kafka's {@code max.poll.interval.ms}
     * @param settingNames from a key to what set it
     */
    static List<String> of(
            ListenerOptions options,
            Duration maxPollInterval,
            UnaryOperator<String> settingNames,
            @Nullable ApplicationContext context) {
        List<String> warnings = new ArrayList<>();
        long drain = options.drainTimeout().toMillis();
        if (drain > maxPollInterval.toMillis() * 0.7) {
            warnings.add(
                    settingNames.apply("drain-timeout") + " is " + drain + " ms, but at a rebalance a drain may take"
                            + " no more than 70 % of max.poll.interval.ms, which is " + maxPollInterval.toMillis()
                            + ": lower the one or raise the other");
        }
        Integer pool = context == null ? null : smallestPool(context);
        if (pool != null && options.maxConcurrency() > pool) {
            warnings.add("up to " + options.maxConcurrency() + " workers share a pool of " + pool
                    + " database connections: if each needs one, lower " + settingNames.apply("max-concurrency")
                    + " or enlarge the pool");
        }
        return warnings;
    }

    private static @Nullable Integer smallestPool(ApplicationContext context) {
        return context.getBeansOfType(DataSource.class, false, false).values().stream()
                .map(StartWarnings::poolSize)
                .filter(size -> size > 0)
                .min(Integer::compare)
                .orElse(null);
    }

    private static int poolSize(DataSource pool) {
        BeanWrapper properties = PropertyAccessorFactory.forBeanPropertyAccess(pool);
        for (String name : POOL_SIZES) {
            if (properties.isReadableProperty(name) && properties.getPropertyValue(name) instanceof Integer size) {
                return size;
            }
        }
        return 0;
    }
}
