package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import org.jspecify.annotations.Nullable;

/**
 * Says by code what a listener is to do. A bean of this type is asked for every {@link BackpressuredListener} when its
 * container is made; what it says goes before properties and annotations.
 *
 * <p>Threading: called by the thread that makes the container.
 */
@FunctionalInterface
public interface ListenerOptionsCustomizer {

    /**
     * Says more about a listener.
     *
     * @param listenerId the listener's id; null for a container that was made without one
     * @param options what it would do
     * @return what is to be otherwise, such as {@code ListenerSettings.of(Map.of("max-in-flight", 50))};
     *     {@link ListenerSettings#NONE} for nothing
     */
    ListenerSettings customize(@Nullable String listenerId, ListenerOptions options);
}
