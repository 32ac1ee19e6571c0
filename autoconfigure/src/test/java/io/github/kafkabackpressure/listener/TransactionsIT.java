package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
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

    private static BackpressuredMessageListenerContainer<?, ?> container(ConfigurableApplicationContext context) {
        return (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("members");
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
