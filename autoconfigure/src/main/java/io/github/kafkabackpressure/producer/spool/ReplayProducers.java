package io.github.kafkabackpressure.producer.spool;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.core.ProducerPostProcessor;

/**
 * Opens the producer that a replay sends with: as the template's factory would, but for records that have been through
 * its interceptors and serializers already.
 *
 * <p>Threading: the sender's thread.
 */
final class ReplayProducers<K, V> implements Supplier<Producer<byte[], byte[]>> {

    private final String template;
    private final ProducerFactory<K, V> factory;

    ReplayProducers(String template, ProducerFactory<K, V> factory) {
        this.template = template;
        this.factory = factory;
    }

    @Override
    public Producer<byte[], byte[]> get() {
        Producer<byte[], byte[]> producer = new KafkaProducer<>(
                config(template, factory.getConfigurationProperties()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        try {
            return processed(producer);
        } catch (RuntimeException | Error e) {
            producer.close(java.time.Duration.ZERO);
            throw e;
        }
    }

    @SuppressWarnings("unchecked") // A producer is one whatever it sends; what looks at records finds bytes.
    private Producer<byte[], byte[]> processed(Producer<byte[], byte[]> producer) {
        Producer<K, V> processed = (Producer<K, V>) producer;
        for (ProducerPostProcessor<K, V> processor : factory.getPostProcessors()) {
            processed = processor.apply(processed);
        }
        return (Producer<byte[], byte[]>) processed;
    }

    static Map<String, Object> config(String template, Map<String, Object> configured) {
        Map<String, Object> config = new HashMap<>(configured);
        config.remove(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        config.put(ProducerConfig.CLIENT_ID_CONFIG, template + "-spool");
        // They have seen these records; what they would see now are bytes.
        config.remove(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG);
        if (!isKafkas(config.get(ProducerConfig.PARTITIONER_CLASS_CONFIG))) {
            // It expects keys and values as they were.
            config.remove(ProducerConfig.PARTITIONER_CLASS_CONFIG);
        }
        // Nothing follows that could share a batch with the last record.
        config.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        // Kafka itself tries again in order. What it gives up would go again behind later records of its partition.
        config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
        // Unless told not to try again at all, which also turns idempotence off.
        config.computeIfPresent(
                ProducerConfig.RETRIES_CONFIG,
                (key, retries) -> "0".equals(retries.toString()) ? retries : Integer.MAX_VALUE);
        return config;
    }

    private static boolean isKafkas(@Nullable Object partitioner) {
        String name = partitioner instanceof Class<?> type ? type.getName() : String.valueOf(partitioner);
        return name.startsWith("org.apache.kafka.");
    }
}
