package io.github.kafkabackpressure.listener;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;

/**
 * The back-pressured containers of an application: those of its annotated methods and those that are beans.
 *
 * <p>Threading: any thread.
 */
public final class ListenerContainers {

    private final Supplier<@Nullable KafkaListenerEndpointRegistry> registry;

    /** @param registry where the application's containers are registered; null if there are none */
    public ListenerContainers(Supplier<@Nullable KafkaListenerEndpointRegistry> registry) {
        this.registry = registry;
    }

    /** All of them, in the order of their ids. */
    public List<BackpressuredMessageListenerContainer<?, ?>> all() {
        KafkaListenerEndpointRegistry registered = registry.get();
        if (registered == null) {
            return List.of();
        }
        return registered.getAllListenerContainers().stream()
                .filter(BackpressuredMessageListenerContainer.class::isInstance)
                .<BackpressuredMessageListenerContainer<?, ?>>map(BackpressuredMessageListenerContainer.class::cast)
                .sorted(Comparator.comparing(BackpressuredMessageListenerContainer::getListenerId))
                .toList();
    }

    /** The one with an id. */
    public Optional<BackpressuredMessageListenerContainer<?, ?>> find(String id) {
        return all().stream()
                .filter(container -> id.equals(container.getListenerId()))
                .findFirst();
    }
}
