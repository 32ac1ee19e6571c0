package io.github.kafkabackpressure.benchmarks.contender;

import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.core.KafkaTemplate;

/** Ways to send, all with the same settings of Kafka's producer. */
final class Producers {

    private static final Map<String, String> SETTINGS = Map.of(
            ProducerConfig.ACKS_CONFIG, "all",
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true",
            ProducerConfig.BUFFER_MEMORY_CONFIG, "67108864",
            ProducerConfig.BATCH_SIZE_CONFIG, "65536",
            ProducerConfig.LINGER_MS_CONFIG, "5",
            ProducerConfig.MAX_BLOCK_MS_CONFIG, "30000");

    private Producers() {}

    @SuppressWarnings("FutureReturnValueIgnored") // the callback is told of failures
    static Probe bare(Run run) {
        Map<String, Object> properties = new HashMap<>(settings(run));
        properties.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, run.bootstrapServers());
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        return new SendProbe(
                run,
                (key, value, whenDone) -> producer.send(
                        new ProducerRecord<>(run.topic(), key, value),
                        (metadata, failure) -> whenDone.accept(failure)));
    }

    static Probe kafkaTemplate(Run run) {
        @SuppressWarnings("unchecked")
        KafkaTemplate<String, String> template = context(run, Map.of()).getBean("kafkaTemplate", KafkaTemplate.class);
        return probe(run, template);
    }

    static Probe backpressuredTemplate(Run run) {
        return backpressured(run, Map.of());
    }

    static Probe batchingTemplate(Run run) {
        return backpressured(
                run,
                Map.of("kafka.backpressure.producer.batch-size", 500, "kafka.backpressure.producer.linger", "5ms"));
    }

    private static Probe backpressured(Run run, Map<String, Object> properties) {
        @SuppressWarnings("unchecked")
        KafkaTemplate<String, String> template = context(run, properties).getBean(BackpressuredKafkaTemplate.class);
        return probe(run, template);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the callback is told of failures
    private static Probe probe(Run run, KafkaTemplate<String, String> template) {
        return new SendProbe(
                run,
                (key, value, whenDone) -> template.send(run.topic(), key, value)
                        .whenComplete((sent, failure) -> whenDone.accept(failure)));
    }

    /** The settings of Kafka's producer, and those of the run in their place. */
    private static Map<String, String> settings(Run run) {
        Map<String, String> settings = new HashMap<>(SETTINGS);
        settings.putAll(run.setup().client());
        return settings;
    }

    /** An application that has the settings, and others. */
    private static ConfigurableApplicationContext context(Run run, Map<String, Object> others) {
        Map<String, Object> properties = new HashMap<>(others);
        settings(run).forEach((name, value) -> properties.put("spring.kafka.producer.properties." + name, value));
        return SpringApplications.start(run, properties);
    }
}
