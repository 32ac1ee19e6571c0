package io.github.kafkabackpressure.listener;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.springframework.kafka.support.micrometer.MicrometerHolder;

/**
 * spring-kafka's own timers of a listener, one for each of its consumers, by name.
 *
 * <p>Threading: the workers.
 */
final class ListenerTimers {

    private final Map<String, MicrometerHolder> timers = new ConcurrentHashMap<>();

    private final Function<String, MicrometerHolder> maker;

    /** Whether the tags depend on the record. */
    final boolean byRecord;

    ListenerTimers(Function<String, MicrometerHolder> maker, boolean byRecord) {
        this.maker = maker;
        this.byRecord = byRecord;
    }

    MicrometerHolder of(Assignment consumer) {
        return timers.computeIfAbsent(consumer.name(), maker);
    }
}
