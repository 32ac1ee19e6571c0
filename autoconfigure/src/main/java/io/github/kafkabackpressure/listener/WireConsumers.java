package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerRefusedException;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;

/**
 * Sees to it that the consumers of a listener keep the bytes of their records beside what deserializers make of them.
 *
 * <p>Threading: the thread that starts the container.
 */
final class WireConsumers {

    private WireConsumers() {}

    /**
     * The factory to make such consumers with.
     *
     * @throws ListenerRefusedException if there is no way to get at the bytes
     */
    static <K, V> ConsumerFactory<K, V> factory(ConsumerFactory<K, V> factory) {
        if (factory.getKeyDeserializer() == null && factory.getValueDeserializer() == null) {
            return factory; // both are named by class
        }
        if (factory.getClass() != DefaultKafkaConsumerFactory.class) {
            throw new ListenerRefusedException(
                    "dropped-to needs the bytes of the records, which cannot be had from a "
                            + factory.getClass().getName() + " with deserializers that are objects.",
                    "Name their classes by key.deserializer and value.deserializer, or use a"
                            + " DefaultKafkaConsumerFactory.");
        }
        DefaultKafkaConsumerFactory<K, V> copy = new DefaultKafkaConsumerFactory<>(
                factory.getConfigurationProperties(),
                () -> wire(factory.getKeyDeserializer()),
                () -> wire(factory.getValueDeserializer()));
        factory.getListeners().forEach(copy::addListener);
        factory.getPostProcessors().forEach(copy::addPostProcessor);
        return copy;
    }

    private static <T> WireDeserializer<T> wire(@Nullable Deserializer<T> deserializer) {
        // An object is configured once more if it was before, as by the factory that it comes from.
        return deserializer == null ? new WireDeserializer<>() : new WireDeserializer<>(deserializer);
    }

    /** Has the consumer's deserializers, as far as they are named by class, replaced. */
    static void prepare(ConsumerFactory<?, ?> factory, Properties properties) {
        for (boolean isKey : new boolean[] {true, false}) {
            String property = WireDeserializer.classProperty(isKey);
            Object configured = properties.getProperty(property) != null
                    ? properties.getProperty(property)
                    : factory.getConfigurationProperties().get(property);
            if (configured != null) {
                String name = configured instanceof Class<?> type ? type.getName() : configured.toString();
                properties.setProperty(WireDeserializer.delegateProperty(isKey), name);
                properties.setProperty(property, WireDeserializer.class.getName());
            }
        }
    }
}
