package io.github.kafkabackpressure.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("long")
class BrokerProcessIT {

    private static final TopicPartition PARTITION = new TopicPartition("kept", 0);

    @Test
    void keepsItsDataAndPortThroughAFreezeAKillAndARestart() throws Exception {
        Path directory;
        // A broker that was killed waits until its session is over; 9 s unless told.
        Map<String, String> properties = Map.of(
                "auto.create.topics.enable",
                "false",
                "broker.session.timeout.ms",
                "2000",
                "broker.heartbeat.interval.ms",
                "500");
        try (BrokerProcess broker = BrokerProcess.start("256m", properties)) {
            directory = broker.directory();
            try (Admin admin =
                    Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()))) {
                admin.createTopics(List.of(new NewTopic(PARTITION.topic(), 1, (short) 1)))
                        .all()
                        .get(30, TimeUnit.SECONDS);
            }
            try (KafkaProducer<String, String> producer = producer(broker)) {
                send(producer, "before the freeze").get(30, TimeUnit.SECONDS);

                broker.freeze();
                Future<RecordMetadata> frozen = send(producer, "during the freeze");
                assertThatThrownBy(() -> frozen.get(1, TimeUnit.SECONDS)).isInstanceOf(TimeoutException.class);
                assertThat(broker.isAlive()).isTrue();

                broker.resume();
                frozen.get(30, TimeUnit.SECONDS);

                broker.kill();
                assertThat(broker.isAlive()).isFalse();
                broker.restart();
                send(producer, "after the kill").get(30, TimeUnit.SECONDS);
            }
            broker.restart();
            assertThat(read(broker, 3)).containsExactly("before the freeze", "during the freeze", "after the kill");

            broker.freeze();
        }
        assertThat(directory).doesNotExist();
    }

    @Test
    void saysWhatTheBrokerLoggedWhenItDoesNotStart() {
        assertThatThrownBy(() -> BrokerProcess.start("256m", Map.of("num.io.threads", "none")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("num.io.threads");
    }

    private static KafkaProducer<String, String> producer(BrokerProcess broker) {
        return new KafkaProducer<>(
                Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, broker.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer());
    }

    private static Future<RecordMetadata> send(KafkaProducer<String, String> producer, String value) {
        return producer.send(new ProducerRecord<>(PARTITION.topic(), value));
    }

    private static List<String> read(BrokerProcess broker, int count) {
        List<String> values = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        broker.bootstrapServers(),
                        ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                        "earliest"),
                new StringDeserializer(),
                new StringDeserializer())) {
            consumer.assign(List.of(PARTITION));
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
                return values.size() >= count;
            });
        }
        return values;
    }
}
