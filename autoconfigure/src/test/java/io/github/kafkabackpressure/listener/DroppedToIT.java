package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.DroppedRecordHeaders;
import io.github.kafkabackpressure.test.Scenario;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** A4: dropped records are over when they are in the topic that they are sent to, and not before. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "auto.create.topics.enable=false"})
class DroppedToIT {

    private final String brokers;

    private final CountDownLatch latch = new CountDownLatch(1);

    DroppedToIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** Upper case, and without its headers: nobody could make the bytes of it again. */
    public static final class Shouting implements Deserializer<String> {

        @Override
        public String deserialize(String topic, byte[] data) {
            return new String(data, StandardCharsets.UTF_8).toUpperCase(java.util.Locale.ROOT);
        }

        @Override
        public String deserialize(String topic, Headers headers, byte[] data) {
            headers.remove("type");
            return deserialize(topic, data);
        }
    }

    @Test
    void twentyLowOnesMakeRoomForTwentyHighOnesAndAreInTheTopic() throws Exception {
        Scenario.Builder builder = builder("a4")
                .consumer("value.deserializer=" + Shouting.class.getName())
                .property("spring.kafka.consumer.value-deserializer=" + Shouting.class.getName())
                .topic("a4", 1)
                .topic("a4-dropped", 1);
        Scenario prepared = builder.prepare();
        prepared.close();
        try (Scenario scenario = Scenario.of(brokers, "a4")
                .listener(settings("a4"))
                .property("spring.kafka.consumer.value-deserializer=" + Shouting.class.getName())
                .handler(record -> Scenario.hang(latch))
                .topic("a4", 1)
                .start()) {
            sendLowThenHigh(scenario);
            await().until(() -> scenario.snapshot(0).lastPolled() == 40);
            Map<String, ConsumerRecord<byte[], byte[]>> dropped = read("a4-dropped", 20);
            assertThat(scenario.container().getInFlight()).isLessThanOrEqualTo(21);
            latch.countDown();
            scenario.awaitHandled(21);

            assertThat(scenario.handled().stream().map(ConsumerRecord::value))
                    .containsExactlyElementsOf(IntStream.concat(IntStream.of(0), IntStream.rangeClosed(21, 40))
                            .mapToObj(i -> "VALUE " + i)
                            .toList());
            assertThat(scenario.handled())
                    .allSatisfy(record -> assertThat(record.headers()).isEmpty());
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.MAX_IN_FLIGHT, 20L));
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(41));
            assertThat(scenario.container().getInFlight()).isZero();

            assertThat(dropped.keySet())
                    .containsExactlyInAnyOrderElementsOf(IntStream.rangeClosed(1, 20)
                            .mapToObj(i -> "value " + i)
                            .toList());
            ConsumerRecord<byte[], byte[]> seventh = dropped.get("value 7");
            assertThat(seventh.key()).isEqualTo("1".getBytes(StandardCharsets.UTF_8));
            Map<String, String> headers = new HashMap<>();
            for (Header header : seventh.headers()) {
                headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8));
            }
            assertThat(headers)
                    .containsEntry(DroppedRecordHeaders.ORIGINAL_TOPIC, "a4")
                    .containsEntry(DroppedRecordHeaders.ORIGINAL_PARTITION, "0")
                    .containsEntry(DroppedRecordHeaders.ORIGINAL_OFFSET, "7")
                    .containsEntry(DroppedRecordHeaders.ORIGINAL_TIMESTAMP, String.valueOf(seventh.timestamp()))
                    .containsEntry(DroppedRecordHeaders.STRATEGY, "drop-lowest-priority")
                    .containsEntry(DroppedRecordHeaders.REASON, "max-in-flight")
                    .hasSize(6);
        }
    }

    @Test
    void whatCannotBeWrittenThereIsKeptAndNothingPastItIsCommittedAndNothingGrows() throws Exception {
        try (Scenario scenario = builder("a4-away").topic("a4-away", 1).start()) {
            sendLowThenHigh(scenario);
            for (int i = 41; i < 500; i++) {
                scenario.send(0, "9", "value " + i);
            }
            scenario.flush();
            await().until(() -> scenario.snapshot().pausedPartitions() == 1);
            latch.countDown();
            // What found a place before is handled; nothing is handled or committed past what waits for the topic.
            await().during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> scenario.committed(0) == 1);
            assertThat(scenario.container().getInFlight()).isLessThanOrEqualTo(21);

            scenario.admin()
                    .createTopics(List.of(new NewTopic("a4-away-dropped", 1, (short) 1)))
                    .all()
                    .get();
            await().atMost(Duration.ofSeconds(40))
                    .untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(500));
            long dropped = scenario.container().getDropped().get(DropReason.MAX_IN_FLIGHT);
            assertThat(scenario.handledCount() + dropped).isEqualTo(500);
            assertThat(read("a4-away-dropped", (int) dropped)).hasSize((int) dropped);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void aStopDoesNotWaitForATopicThatIsNotThereAndTheRecordsComeAgain() throws Exception {
        try (Scenario scenario = builder("a4-stop").topic("a4-stop", 1).start()) {
            sendLowThenHigh(scenario);
            await().until(() -> scenario.snapshot().pausedPartitions() == 1);
            latch.countDown();
            await().until(() -> scenario.committed(0) == 1);
            long begun = System.nanoTime();
            scenario.container().stop();
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(12));
            assertThat(scenario.committed(0)).isEqualTo(1);

            scenario.admin()
                    .createTopics(List.of(new NewTopic("a4-stop-dropped", 1, (short) 1)))
                    .all()
                    .get();
            scenario.container().start();
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(41));
        }
    }

    private Scenario.Builder builder(String id) {
        return Scenario.of(brokers, id).listener(settings(id)).handler(record -> Scenario.hang(latch));
    }

    private static String[] settings(String id) {
        return new String[] {
            "ordering=unordered",
            "max-concurrency=1",
            "max-in-flight=21",
            "overflow=drop-lowest-priority",
            "priority=T(Integer).parseInt(key)",
            "dropped-to=" + id + "-dropped"
        };
    }

    private static void sendLowThenHigh(Scenario scenario) {
        scenario.send(0, "9", "value 0");
        scenario.flush();
        await().until(() -> scenario.running() == 1);
        for (int i = 1; i <= 40; i++) {
            scenario.send(0, i <= 20 ? "1" : "9", "value " + i);
        }
        scenario.flush();
    }

    private Map<String, ConsumerRecord<byte[], byte[]>> read(String topic, int count) {
        Map<String, ConsumerRecord<byte[], byte[]>> records = new HashMap<>();
        List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", brokers, "auto.offset.reset", "earliest"),
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            await().until(() -> {
                consumer.poll(Duration.ofMillis(200)).forEach(all::add);
                return all.size() >= count;
            });
        }
        assertThat(all).hasSize(count);
        all.forEach(record -> records.put(new String(record.value(), StandardCharsets.UTF_8), record));
        return records;
    }
}
