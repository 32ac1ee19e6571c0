package io.github.kafkabackpressure.benchmarks.contender;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * One run of one contender, as the harness asks for it.
 *
 * @param contender who runs
 * @param bootstrapServers where the broker is
 * @param topic the topic, filled
 * @param partitions the topic's partitions
 * @param group the consumer group, a new one
 * @param load what is put on it
 * @param probe what is measured
 */
public record Run(
        Contender contender,
        String bootstrapServers,
        String topic,
        int partitions,
        String group,
        Load load,
        ProbeKind probe) {

    /**
     * Consumer properties for contenders that make their own consumer: Kafka's defaults and Boot's deserializers, from
     * the topic's beginning.
     */
    Map<String, Object> consumerProperties() {
        Map<String, Object> properties = new HashMap<>();
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
        properties.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        properties.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        properties.put(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG, PolledRecords.class.getName());
        return properties;
    }

    /** How many consumers a contender takes whose concurrency is its consumers; one for a handler that does nothing. */
    int consumers() {
        return load.handlerMicros() == 0 ? 1 : Math.min(load.concurrency(), partitions);
    }
}
