package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.ListenerRefusedException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpoint;
import org.springframework.kafka.config.MultiMethodKafkaListenerEndpoint;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;

/**
 * The factory of a listener that is looked up only when its container is made, and not while its bean is: until then,
 * beans that the factory needs may come from the listener's own class. It also carries the listener's annotation where
 * it is one of several, of which an endpoint cannot tell which is its own.
 *
 * <p>Threading: that of whoever makes the container.
 */
final class LateContainerFactory extends ConcurrentKafkaListenerContainerFactory<Object, Object> {

    private final Supplier<KafkaListenerContainerFactory<?>> factory;

    private final @Nullable BackpressuredListener annotation;

    private final boolean ofClass;

    /**
     * Makes it.
     *
     * @param factory looks the real one up
     * @param annotation of the listener; null if its endpoint tells
     * @param ofClass whether the annotation is one of several of a class, whose records go to its handler methods
     */
    LateContainerFactory(
            Supplier<KafkaListenerContainerFactory<?>> factory,
            @Nullable BackpressuredListener annotation,
            boolean ofClass) {
        this.factory = factory;
        this.annotation = annotation;
        this.ofClass = ofClass;
    }

    @Override
    @SuppressWarnings("unchecked")
    public ConcurrentMessageListenerContainer<Object, Object> createListenerContainer(KafkaListenerEndpoint endpoint) {
        if (ofClass && !(endpoint instanceof MultiMethodKafkaListenerEndpoint)) {
            throw new ListenerRefusedException(
                    "A RetryTopicConfiguration applies to the topics " + endpoint.getTopics()
                            + " of a class with several @BackpressuredListener annotations, whose retry topics would know"
                            + " one of its @KafkaHandler methods only.",
                    "Put each of the annotations on a class of its own.");
        }
        KafkaListenerContainerFactory<?> found = factory.get();
        return (ConcurrentMessageListenerContainer<Object, Object>)
                (found instanceof BackpressuredKafkaListenerContainerFactory<?, ?> own
                        ? own.createListenerContainer(endpoint, annotation)
                        : found.createListenerContainer(endpoint));
    }
}
