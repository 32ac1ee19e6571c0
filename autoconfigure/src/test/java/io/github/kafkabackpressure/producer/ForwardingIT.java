package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Listeners that send on what they read, closed with records in flight and started again. */
@EmbeddedKafka(
        partitions = 4,
        topics = {"plain", "plain-out", "buffered", "buffered-out", "awaited", "awaited-out"})
class ForwardingIT {

    private static final int RECORDS = 3000;

    private final EmbeddedKafkaBroker broker;

    ForwardingIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    /** Remembers what was handled and what of it was not yet when the producers were flushed. */
    abstract static class Forwarder {

        final Set<String> sent = ConcurrentHashMap.newKeySet();

        volatile int sentWhenFlushed = -1;

        @EventListener
        void flushed(ProducerFlushReport report) {
            sentWhenFlushed = sent.size();
        }
    }

    /** Finished when the template has taken the record. */
    static class Plain extends Forwarder {

        private final KafkaTemplate<Object, Object> template;

        Plain(KafkaTemplate<Object, Object> template) {
            this.template = template;
        }

        @BackpressuredListener(
                id = "plain",
                topics = "plain",
                ordering = Ordering.UNORDERED,
                maxInFlight = "200",
                maxConcurrency = "8")
        void on(ConsumerRecord<String, String> record) throws InterruptedException {
            Thread.sleep(5);
            template.send("plain-out", record.value());
            sent.add(record.value());
        }
    }

    /** Finished when the buffer has taken the record, which it does while the application stops, too. */
    static class Buffered extends Forwarder {

        private final BackpressuredKafkaTemplate<Object, Object> template;

        @SuppressWarnings("unchecked")
        Buffered(BackpressuredKafkaTemplate<?, ?> template) {
            this.template = (BackpressuredKafkaTemplate<Object, Object>) template;
        }

        @BackpressuredListener(
                id = "buffered",
                topics = "buffered",
                ordering = Ordering.UNORDERED,
                maxInFlight = "200",
                maxConcurrency = "8")
        void on(ConsumerRecord<String, String> record) throws InterruptedException {
            Thread.sleep(5);
            CompletableFuture<?> result = template.send("buffered-out", record.value());
            if (!result.isCompletedExceptionally()) {
                sent.add(record.value());
            }
        }
    }

    /** Finished when the broker has the record. */
    static class Awaited extends Forwarder {

        private final KafkaTemplate<Object, Object> template;

        Awaited(KafkaTemplate<Object, Object> template) {
            this.template = template;
        }

        @BackpressuredListener(
                id = "awaited",
                topics = "awaited",
                ordering = Ordering.UNORDERED,
                maxInFlight = "200",
                maxConcurrency = "100")
        CompletableFuture<Void> on(ConsumerRecord<String, String> record) {
            return template.send("awaited-out", record.value()).thenAccept(result -> sent.add(record.value()));
        }
    }

    @Test
    void whatTheProducerStillHeldIsDeliveredWhenTheContextCloses() throws Exception {
        // Nothing leaves the producer but by a full batch or the flush.
        forwardThroughARestart(Plain.class, "plain", "spring.kafka.producer.properties.linger.ms=3600000");
    }

    @Test
    void whatABufferStillHeldIsDeliveredWhenTheContextCloses() throws Exception {
        forwardThroughARestart(Buffered.class, "buffered", "kafka.backpressure.producer.linger=1m");
    }

    @Test
    void aRecordWhoseForwardIsAwaitedIsCommittedOnlyWhenThatWasDelivered() throws Exception {
        forwardThroughARestart(Awaited.class, "awaited", "spring.kafka.producer.properties.linger.ms=50");
    }

    private void forwardThroughARestart(Class<? extends Forwarder> type, String topic, String linger) throws Exception {
        Set<String> all = publish(topic);
        ConfigurableApplicationContext context = start(type, linger);
        Forwarder forwarder = context.getBean(type);
        BackpressuredMessageListenerContainer<?, ?> container = (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(topic);
        await().pollInterval(Duration.ofMillis(1))
                .until(() -> forwarder.sent.size() >= 200 && container.getInFlight() >= 150);
        context.close();

        assertThat(forwarder.sent).hasSizeLessThan(RECORDS);
        assertThat(forwarder.sentWhenFlushed).isEqualTo(forwarder.sent.size());
        assertThat(container.getInFlight()).isZero();
        Set<String> delivered = delivered(topic);
        assertThat(delivered).containsAll(forwarder.sent);
        assertThat(delivered).containsAll(committed(topic));

        try (ConfigurableApplicationContext restarted = start(type, linger)) {
            Set<String> seen = new HashSet<>(forwarder.sent);
            Forwarder second = restarted.getBean(type);
            await().atMost(Duration.ofSeconds(30)).until(() -> {
                seen.addAll(second.sent);
                return seen.size() == RECORDS;
            });
        }
        assertThat(delivered(topic)).isEqualTo(all);
    }

    private ConfigurableApplicationContext start(Class<?> type, String linger) {
        return TestApp.start(
                broker.getBrokersAsString(),
                List.of(type),
                linger,
                "spring.kafka.producer.properties.delivery.timeout.ms=7200000");
    }

    private Set<String> publish(String topic) {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", broker.getBrokersAsString()),
                new StringSerializer(),
                new StringSerializer())) {
            IntStream.range(0, RECORDS).forEach(i -> producer.send(new ProducerRecord<>(topic, "value-" + i)));
        }
        return IntStream.range(0, RECORDS).mapToObj(i -> "value-" + i).collect(Collectors.toSet());
    }

    private Set<String> delivered(String topic) {
        return new HashSet<>(TopicReader.values(broker.getBrokersAsString(), topic + "-out"));
    }

    /** The values of the records below the committed offsets. */
    private Set<String> committed(String topic) throws Exception {
        try (Admin admin =
                Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.getBrokersAsString()))) {
            Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets(topic)
                    .partitionsToOffsetAndMetadata()
                    .get();
            return TopicReader.records(broker.getBrokersAsString(), topic).stream()
                    .filter(record -> {
                        OffsetAndMetadata offset = offsets.get(new TopicPartition(topic, record.partition()));
                        return offset != null && record.offset() < offset.offset();
                    })
                    .map(ConsumerRecord::value)
                    .collect(Collectors.toSet());
        }
    }
}
