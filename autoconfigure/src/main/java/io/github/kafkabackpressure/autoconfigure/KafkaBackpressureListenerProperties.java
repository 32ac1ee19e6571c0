package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.listener.ListenerIds;
import io.github.kafkabackpressure.listener.ListenerOptions;
import io.github.kafkabackpressure.listener.ListenerSettings;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.NestedConfigurationProperty;

/**
 * The listener side of {@code kafka.backpressure}.
 *
 * @param listener defaults for all listeners
 * @param listeners settings of single listeners by id; they go before the annotation
 */
@ConfigurationProperties("kafka.backpressure")
record KafkaBackpressureListenerProperties(
        @NestedConfigurationProperty ListenerSettings listener, Map<String, ListenerSettings> listeners) {

    KafkaBackpressureListenerProperties(
            @Nullable ListenerSettings listener, @Nullable Map<String, ListenerSettings> listeners) {
        this.listener = listener == null ? ListenerSettings.NONE : listener;
        this.listeners = listeners == null ? Map.of() : Map.copyOf(listeners);
        // Impossible values stop the start even if no listener uses them yet.
        check("kafka.backpressure.listener", this.listener);
        this.listeners.forEach(
                (id, settings) -> check("kafka.backpressure.listeners" + ListenerIds.written(id), settings));
    }

    private static void check(String prefix, ListenerSettings settings) {
        ListenerOptions.checkAlone(ListenerOptions.Source.ofProperties(prefix, settings));
    }
}
