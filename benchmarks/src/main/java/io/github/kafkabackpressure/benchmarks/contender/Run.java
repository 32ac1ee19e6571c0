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
 * @param setup how the contender is set up
 * @param recordBytes the length of each value in bytes
 */
public record Run(
        Contender contender,
        String bootstrapServers,
        String topic,
        int partitions,
        String group,
        Load load,
        ProbeKind probe,
        Setup setup,
        int recordBytes) {

    /** A fetch waits no longer than this for a record, with all contenders alike: the one that is measured here has that default. */
    private static final String FETCH_MAX_WAIT_MILLIS = "100";

    /**
     * Consumer properties for contenders that make their own consumer: Kafka's defaults but for the wait of a fetch, and
     * Boot's deserializers, from the topic's beginning.
     */
    Map<String, Object> consumerProperties() {
        Map<String, Object> properties = new HashMap<>();
        properties.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
        properties.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        properties.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        properties.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
        properties.put(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG, PolledRecords.class.getName());
        properties.putAll(clientProperties());
        return properties;
    }

    /** What is set of Kafka's consumer, for contenders that Boot makes a consumer for as well. */
    Map<String, String> clientProperties() {
        Map<String, String> properties = new HashMap<>(setup.client());
        if (!contender.isManyListeners()) { // what listeners do that have nothing to do is their default's matter
            properties.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_MAX_WAIT_MILLIS);
        }
        return properties;
    }

    public Run with(ProbeKind newProbe) {
        return new Run(contender, bootstrapServers, topic, partitions, group, load, newProbe, setup, recordBytes);
    }

    public Run with(Setup newSetup) {
        return new Run(contender, bootstrapServers, topic, partitions, group, load, probe, newSetup, recordBytes);
    }

    boolean commitsEachSecond() {
        return setup.commits() == Commits.EACH_SECOND;
    }

    /** How many consumers a contender takes whose concurrency is its consumers; one for a handler that does nothing. */
    int consumers() {
        if (setup.consumers() > 0) {
            return Math.min(setup.consumers(), partitions);
        }
        return load.handlerMicros() == 0 ? 1 : Math.min(load.concurrency(), partitions);
    }
}
