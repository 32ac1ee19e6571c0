package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchListenerFailedException;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Which records a batch holds. */
@EmbeddedKafka(partitions = 3)
class BatchIT {

    private static ConfigurableApplicationContext context;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        // A partition that has no leader yet refuses a first batch, and Kafka gets stuck if it accepts the second one.
        broker.addTopics("by-partition", "by-key", "lingering", "lingering-many", "lane-lingering");
        context = TestApp.start(broker.getBrokersAsString(), List.of(Listeners.class));
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    static class Listeners {

        final Map<String, Queue<List<ConsumerRecord<String, String>>>> batches = new ConcurrentHashMap<>();

        final Set<String> runningKeys = ConcurrentHashMap.newKeySet();

        final Queue<String> keysInTwoBatches = new ConcurrentLinkedQueue<>();

        final AtomicInteger failures = new AtomicInteger();

        private void add(String name, List<ConsumerRecord<String, String>> batch) {
            batches.computeIfAbsent(name, key -> new ConcurrentLinkedQueue<>()).add(List.copyOf(batch));
        }

        int records(String name) {
            return batches.getOrDefault(name, new ConcurrentLinkedQueue<>()).stream()
                    .mapToInt(List::size)
                    .sum();
        }

        @BackpressuredListener(id = "by-partition", topics = "by-partition", batch = "true", batchSize = "20")
        void byPartition(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
            Thread.sleep(5);
            add("by-partition", batch);
        }

        @BackpressuredListener(
                id = "by-key",
                topics = "by-key",
                batch = "true",
                batchSize = "30",
                ordering = Ordering.KEY,
                maxConcurrency = "4")
        void byKey(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
            Set<String> keys = batch.stream().map(ConsumerRecord::key).collect(Collectors.toSet());
            for (String key : keys) {
                if (!runningKeys.add(key)) {
                    keysInTwoBatches.add(key);
                }
            }
            Thread.sleep(5);
            add("by-key", batch);
            keys.forEach(runningKeys::remove);
            if (failures.incrementAndGet() == 2) {
                throw new BatchListenerFailedException("the second batch", batch.size() - 1);
            }
        }

        @BackpressuredListener(
                id = "lingering",
                topics = "lingering",
                batch = "true",
                batchSize = "10",
                batchLinger = "5s",
                ordering = Ordering.UNORDERED)
        void lingering(List<ConsumerRecord<String, String>> batch) {
            add("lingering", batch);
        }

        final AtomicInteger mostThreads = new AtomicInteger();

        @BackpressuredListener(
                id = "lingering-many",
                topics = "lingering-many",
                batch = "true",
                batchSize = "10",
                batchLinger = "2s",
                ordering = Ordering.UNORDERED)
        void lingeringMany(List<ConsumerRecord<String, String>> batch) throws InterruptedException {
            add("lingering-many", batch);
            long threads = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("lingering-many-W-"))
                    .count();
            mostThreads.accumulateAndGet((int) threads, Math::max);
            Thread.sleep(5);
        }

        @BackpressuredListener(
                id = "lane-lingering",
                topics = "lane-lingering",
                batch = "true",
                batchSize = "10",
                batchLinger = "5s")
        void laneLingering(List<ConsumerRecord<String, String>> batch) {
            add("lane-lingering", batch);
        }
    }

    private final Listeners listeners = context.getBean(Listeners.class);

    @SuppressWarnings("unchecked")
    private static void send(String topic, int records, int keys) {
        KafkaTemplate<String, String> template = context.getBean(KafkaTemplate.class);
        for (int i = 0; i < records; i++) {
            template.send(topic, "key " + i % keys, "value " + i);
        }
        template.flush();
    }

    private Queue<List<ConsumerRecord<String, String>>> batches(String name) {
        return listeners.batches.get(name);
    }

    private static void awaitNothingInFlight(String id) {
        var container = (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
        await().until(() -> container.getInFlight() == 0);
        await().untilAsserted(() -> assertThat(container.snapshot().partitions())
                .allSatisfy(partition -> assertThat(partition.committed())
                        .isEqualTo(partition.lastPolled() < 0 ? partition.committed() : partition.lastPolled() + 1)));
    }

    @Test
    void inPartitionOrderABatchIsOfOnePartitionAndContinuesTheLastOne() {
        send("by-partition", 600, 30);
        await().atMost(Duration.ofSeconds(20)).until(() -> listeners.records("by-partition") == 600);
        assertThat(batches("by-partition")).allSatisfy(batch -> {
            assertThat(batch).hasSizeLessThanOrEqualTo(20);
            assertThat(batch)
                    .extracting(ConsumerRecord::partition)
                    .containsOnly(batch.get(0).partition());
        });
        assertThat(batches("by-partition"))
                .anySatisfy(batch -> assertThat(batch).hasSize(20));
        for (int partition = 0; partition < 3; partition++) {
            int of = partition;
            List<Long> offsets = batches("by-partition").stream()
                    .flatMap(List::stream)
                    .filter(record -> record.partition() == of)
                    .map(ConsumerRecord::offset)
                    .toList();
            assertThat(offsets).isSorted().doesNotHaveDuplicates();
        }
        awaitNothingInFlight("by-partition");
    }

    @Test
    void inKeyOrderNoKeyIsInTwoBatchesAndEachKeyIsInOrder() {
        send("by-key", 900, 60);
        await().atMost(Duration.ofSeconds(20)).until(() -> listeners.records("by-key") >= 901);
        assertThat(listeners.keysInTwoBatches).isEmpty();
        assertThat(batches("by-key")).allSatisfy(batch -> assertThat(batch).hasSizeLessThanOrEqualTo(30));
        assertThat(batches("by-key"))
                .anySatisfy(batch -> assertThat(
                                batch.stream().map(ConsumerRecord::key).distinct())
                        .hasSizeGreaterThan(1));
        for (int key = 0; key < 60; key++) {
            String of = "key " + key;
            List<Long> offsets = batches("by-key").stream()
                    .flatMap(List::stream)
                    .filter(record -> record.key().equals(of))
                    .map(ConsumerRecord::offset)
                    .toList();
            assertThat(offsets).isSorted();
        }
        awaitNothingInFlight("by-key");
    }

    @Test
    void anIncompleteBatchWaitsUntilItIsFull() {
        send("lingering", 4, 4);
        await().during(Duration.ofMillis(500)).until(() -> listeners.records("lingering") == 0);
        send("lingering", 6, 6);
        await().atMost(Duration.ofSeconds(3)).until(() -> listeners.records("lingering") == 10);
        assertThat(batches("lingering")).hasSize(1);
        send("lingering", 3, 3);
        await().atMost(Duration.ofSeconds(9)).until(() -> listeners.records("lingering") == 13);
        assertThat(batches("lingering")).hasSize(2);
    }

    @Test
    void fullBatchesNeitherWaitNorTakeMoreThreadsThanMayHandleRecords() {
        send("lingering-many", 3000, 3000);
        await().atMost(Duration.ofSeconds(30)).until(() -> listeners.records("lingering-many") == 3000);
        awaitNothingInFlight("lingering-many");
        long full = batches("lingering-many").stream()
                .filter(batch -> batch.size() == 10)
                .count();
        assertThat(full).isGreaterThan(250);
        // One waits for more without a slot, one record that came too late for it may be on its way, and a thread lasts
        // a little longer than its slot.
        assertThat(listeners.mostThreads.get()).isLessThan(16 + 8);
    }

    @Test
    void anIncompleteBatchOfALaneWaitsUntilItIsFull() {
        send("lane-lingering", 4, 1);
        await().during(Duration.ofMillis(500)).until(() -> listeners.records("lane-lingering") == 0);
        send("lane-lingering", 6, 1);
        await().atMost(Duration.ofSeconds(3)).until(() -> listeners.records("lane-lingering") == 10);
        assertThat(batches("lane-lingering")).hasSize(1);
    }
}
