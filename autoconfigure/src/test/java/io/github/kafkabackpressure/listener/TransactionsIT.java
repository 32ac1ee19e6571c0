package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.listener.AfterRollbackProcessor;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Records with transactions of their own while the group changes. */
@EmbeddedKafka(
        partitions = 6,
        brokerProperties = {
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "transaction.state.log.num.partitions=1",
            // By which members of the consumer protocol hear of one another; 5 s unless told.
            "group.consumer.min.heartbeat.interval.ms=500",
            "group.consumer.heartbeat.interval.ms=500"
        })
class TransactionsIT {

    private static final int RECORDS = 1200;

    private final EmbeddedKafkaBroker broker;

    TransactionsIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    static class Forwarding {

        private final KafkaTemplate<String, String> template;

        Forwarding(KafkaTemplate<String, String> template) {
            this.template = template;
        }

        @BackpressuredListener(id = "members", topics = "${in}", groupId = "${in}")
        void forward(ConsumerRecord<String, String> record) throws InterruptedException {
            Thread.sleep(3);
            template.send(record.topic() + "-out", record.key(), record.value());
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Impatient {

        final Queue<Exception> failures = new ConcurrentLinkedQueue<>();

        /** Recovers at the second failure. */
        @Bean
        AfterRollbackProcessor<Object, Object> afterRollback() {
            return new DefaultAfterRollbackProcessor<>(
                    (record, failure) -> failures.add(failure), new FixedBackOff(1, 1));
        }
    }

    private ConfigurableApplicationContext start(String topic, String protocol, String member) {
        return TestApp.start(
                broker.getBrokersAsString(),
                List.of(Impatient.class, Forwarding.class),
                "in=" + topic,
                "spring.kafka.consumer.properties.group.protocol=" + protocol,
                "spring.kafka.consumer.isolation-level=read_committed",
                "spring.kafka.producer.transaction-id-prefix=" + topic + "-" + member + "-");
    }

    /** Whoever joins or leaves makes the members' generation another, also that of those that keep their partitions. */
    @Tag("long")
    @ParameterizedTest
    @ValueSource(strings = {"classic", "consumer"})
    @SuppressWarnings("unchecked")
    void membersThatComeAndGoMakeNoRecordFailAndNoneComesOutTwice(String protocol) {
        String topic = "members-" + protocol;
        broker.addTopics(topic, topic + "-out");
        List<Exception> failures = new ArrayList<>();
        try (ConfigurableApplicationContext first = start(topic, protocol, "first")) {
            KafkaTemplate<String, String> template = first.getBean(KafkaTemplate.class);
            template.executeInTransaction(operations -> {
                for (int i = 0; i < RECORDS; i++) {
                    operations.send(topic, i % 6, "key", "value " + i);
                }
                return null;
            });
            try (ConfigurableApplicationContext other = start(topic, protocol, "second")) {
                await().atMost(Duration.ofSeconds(60))
                        .until(() ->
                                container(other).getInFlight() > 0 || out(topic).size() == RECORDS);
                failures.addAll(other.getBean(Impatient.class).failures);
            }
            await().atMost(Duration.ofSeconds(60)).until(() -> out(topic).size() >= RECORDS);
            failures.addAll(first.getBean(Impatient.class).failures);
        }
        assertThat(failures).isEmpty();
        assertThat(out(topic)).hasSize(RECORDS).doesNotHaveDuplicates();
    }

    /** Who seeks, from the hundredth record's first attempt back to the fiftieth record. */
    enum Seeking {
        METHOD,
        ERROR_HANDLER
    }

    /** A listener that goes back once. */
    static class GoingBack extends AbstractConsumerSeekAware {

        private final KafkaTemplate<String, String> template;

        private final KafkaListenerEndpointRegistry registry;

        private final Seeking seeking;

        private final AtomicBoolean sought = new AtomicBoolean();

        GoingBack(
                KafkaTemplate<String, String> template,
                KafkaListenerEndpointRegistry registry,
                @Value("${seeking}") Seeking seeking) {
            this.template = template;
            this.registry = registry;
            this.seeking = seeking;
        }

        @BackpressuredListener(id = "members", topics = "${in}", groupId = "${in}")
        void forward(ConsumerRecord<String, String> record) {
            template.send(record.topic() + "-out", record.key(), record.value());
            if (record.value().equals("value 100") && sought.compareAndSet(false, true)) {
                if (seeking == Seeking.ERROR_HANDLER) {
                    throw new IllegalStateException("the first time");
                }
                getSeekCallbacksFor(new TopicPartition(record.topic(), 0))
                        .forEach(callback -> callback.seek(record.topic(), 0, 50));
                await().until(() -> container(registry).snapshot().partitions().stream()
                        .anyMatch(partition -> partition.partition() == 0 && partition.frontier() == 50));
            }
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class GoesBack {

        /** Goes back to the fiftieth record. */
        @Bean
        AfterRollbackProcessor<Object, Object> afterRollback() {
            return (records, consumer, container, exception, recoverable, mode) ->
                    consumer.seek(new TopicPartition(records.get(0).topic(), 0), 50);
        }
    }

    @ParameterizedTest
    @EnumSource
    @SuppressWarnings("unchecked")
    void anAttemptDuringWhichItsRecordIsSoughtIsRolledBackAndTheRestComesAgain(Seeking seeking) {
        String topic = "sought-by-" + seeking.name().toLowerCase(Locale.ROOT);
        broker.addTopics(topic, topic + "-out");
        String[] settings = {
            "in=" + topic,
            "seeking=" + seeking,
            "spring.kafka.consumer.isolation-level=read_committed",
            "spring.kafka.producer.transaction-id-prefix=" + topic + "-"
        };
        try (ConfigurableApplicationContext context =
                TestApp.start(broker.getBrokersAsString(), List.of(GoesBack.class, GoingBack.class), settings)) {
            context.getBean(KafkaTemplate.class).executeInTransaction(operations -> {
                for (int i = 0; i < 200; i++) {
                    operations.send(topic, 0, "key", "value " + i);
                }
                return null;
            });
            await().atMost(Duration.ofSeconds(30)).until(() -> out(topic).contains("value 199"));
            await().until(() -> container(context).getInFlight() == 0);
        }
        Map<String, Long> times =
                out(topic).stream().collect(Collectors.groupingBy(value -> value, Collectors.counting()));
        assertThat(times).hasSize(200);
        times.forEach((value, count) -> {
            int number = Integer.parseInt(value.substring("value ".length()));
            // The fifty that had been committed by then come out again, as the seek asks for.
            assertThat(count).as(value).isEqualTo(number >= 50 && number < 100 ? 2 : 1);
        });
        try (ConfigurableApplicationContext context =
                TestApp.start(broker.getBrokersAsString(), List.of(GoesBack.class, GoingBack.class), settings)) {
            context.getBean(KafkaTemplate.class)
                    .executeInTransaction(operations -> operations.send(topic, 0, "key", "value 200"));
            await().atMost(Duration.ofSeconds(30)).until(() -> out(topic).contains("value 200"));
        }
        assertThat(out(topic)).hasSize(251);
    }

    private static BackpressuredMessageListenerContainer<?, ?> container(KafkaListenerEndpointRegistry registry) {
        return (BackpressuredMessageListenerContainer<?, ?>) registry.getListenerContainer("members");
    }

    private static BackpressuredMessageListenerContainer<?, ?> container(ConfigurableApplicationContext context) {
        return container(context.getBean(KafkaListenerEndpointRegistry.class));
    }

    private List<String> out(String topic) {
        Map<String, Object> config =
                Map.of("bootstrap.servers", broker.getBrokersAsString(), "isolation.level", "read_committed");
        try (KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo partition : consumer.partitionsFor(topic + "-out")) {
                partitions.add(new TopicPartition(partition.topic(), partition.partition()));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            List<String> values = new ArrayList<>();
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
            }
            return values;
        }
    }
}
