package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Order and progress: what runs when, and which offset is committed when. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {
            "group.min.session.timeout.ms=1000",
            "offsets.topic.num.partitions=1",
            "transaction.state.log.num.partitions=1",
            "log.cleaner.backoff.ms=200"
        })
class CommittingIT {

    private final String brokers;

    CommittingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void frontierIsCommittedAtTheIntervalThoughNothingNewIsPolled() {
        AtomicInteger late = new AtomicInteger();
        Scenario[] self = new Scenario[1];
        try (Scenario scenario = Scenario.of(brokers, "interval")
                .listener("commit-interval=200ms")
                .handler(record -> {
                    Thread.sleep(300);
                    // Every record before this one was finished more than an interval ago.
                    if (self[0].committed(0) < record.offset() - 1) {
                        late.incrementAndGet();
                    }
                })
                .start()) {
            self[0] = scenario;
            scenario.send(8);
            scenario.awaitHandled(8);
            // One may be late by the noise of a machine; with polls of seconds between commits most of them are.
            assertThat(late.get()).isLessThanOrEqualTo(1);
            await().atMost(Duration.ofSeconds(1)).until(() -> scenario.committed(0) == 8);
        }
    }

    @Test
    void drainedPartitionIsCommittedAtOnce() {
        try (Scenario scenario =
                Scenario.of(brokers, "at-once").listener("commit-interval=1h").start()) {
            for (int i = 1; i <= 20; i++) {
                int sent = i;
                scenario.send(0, "k", "v");
                // Twice the least interval is what it should take; an answer that is waited for in a poll takes
                // seconds.
                await().pollInterval(Duration.ofMillis(10))
                        .atMost(Duration.ofSeconds(i == 1 ? 10 : 2))
                        .until(() -> scenario.committed(0) == sent);
            }
        }
    }

    @Test
    void nothingPastAnUnfinishedRecordIsCommitted() {
        CountDownLatch stuck = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "frontier")
                .listener("ordering=unordered", "commit-interval=50ms")
                .handler(record -> {
                    if (record.offset() == 5) {
                        stuck.await();
                    }
                })
                .start()) {
            scenario.send(500);
            scenario.awaitHandled(499);
            await().until(() -> scenario.committed(0) == 5);
            await().during(Duration.ofMillis(500)).until(() -> scenario.committed(0) == 5);
            assertThat(scenario.snapshot(0).frontier()).isEqualTo(5);
            assertThat(scenario.snapshot(0).inFlight()).isEqualTo(1);
            stuck.countDown();
            await().until(() -> scenario.committed(0) == 500);
        }
    }

    /** Which has spring-kafka's loop commit its position, past what is in flight. */
    @Test
    void fixTxOffsetsCommitsNothingPastAnUnfinishedRecord() {
        CountDownLatch stuck = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "fix-tx-offsets")
                .listener("ordering=unordered", "commit-interval=50ms")
                .beans(context -> context.registerBean(
                        ContainerCustomizer.class,
                        () -> container -> container.getContainerProperties().setFixTxOffsets(true)))
                .handler(record -> {
                    if (record.offset() == 5) {
                        stuck.await();
                    }
                })
                .start()) {
            scenario.send(50);
            scenario.awaitHandled(49);
            await().until(() -> scenario.committed(0) == 5);
            scenario.send(50); // after whose poll the loop finds that its position is past what is committed
            scenario.awaitHandled(99);
            await().during(Duration.ofMillis(500)).until(() -> scenario.committed(0) == 5);
            stuck.countDown();
            await().until(() -> scenario.committed(0) == 100);
        }
    }

    @Test
    void transactionMarkersAndAbortedRecordsDoNotHoldTheFrontierUp() throws Exception {
        try (Scenario scenario = Scenario.of(brokers, "transactions")
                        .listener("ordering=unordered")
                        .consumer("isolation.level=read_committed")
                        .start();
                KafkaProducer<String, String> producer = new KafkaProducer<>(
                        Map.of("bootstrap.servers", brokers, "transactional.id", "holes"),
                        new StringSerializer(),
                        new StringSerializer())) {
            producer.initTransactions();
            for (int transaction = 0; transaction < 6; transaction++) {
                producer.beginTransaction();
                for (int i = 0; i < 10; i++) {
                    producer.send(new ProducerRecord<>("transactions", 0, "k", "v"));
                }
                if (transaction % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.flush();
                    producer.abortTransaction();
                }
            }
            scenario.awaitHandled(30);
            // Six times ten records and a marker; the last are aborted, so nothing is ever polled there.
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(66));
            assertThat(scenario.handledCount()).isEqualTo(30);
        }
    }

    @Test
    void holesOfACompactedTopicDoNotHoldTheFrontierUp() throws Exception {
        Scenario.Builder builder = Scenario.of(brokers, "compacted").listener("ordering=key", "max-in-flight=20");
        TopicPartition partition = new TopicPartition("compacted", 0);
        try (Scenario scenario = builder.prepareWithoutTopics()) {
            scenario.admin()
                    .createTopics(List.of(new NewTopic("compacted", 1, (short) 1)
                            .configs(Map.of(
                                    "cleanup.policy", "compact",
                                    "segment.ms", "300",
                                    "min.cleanable.dirty.ratio", "0.001",
                                    "max.compaction.lag.ms", "300"))))
                    .all()
                    .get();
            scenario.sendTo(0, 200);
            Thread.sleep(400); // the age at which the next record starts a new segment
            scenario.send(0, "last", "v");
            scenario.flush();
            // Ten keys, so ten of the 200 records stay.
            await().atMost(Duration.ofSeconds(20)).until(() -> firstFrom(partition, 0) >= 190);
            scenario.startApplication(builder);
            scenario.awaitHandled(11);
            await().until(() -> scenario.committed(0) == 201);
            assertThat(scenario.admin()
                            .listOffsets(Map.of(partition, OffsetSpec.latest()))
                            .partitionResult(partition)
                            .get()
                            .offset())
                    .isEqualTo(201);
        }
    }

    private long firstFrom(TopicPartition partition, long offset) {
        Map<String, Object> configuration = new HashMap<>(Map.of("bootstrap.servers", brokers, "max.poll.records", 1));
        try (var consumer = new KafkaConsumer<>(configuration, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, offset);
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofSeconds(2))) {
                return record.offset();
            }
            return -1;
        }
    }

    @Test
    void recordsOfAKeyRunOneAtATimeInOrderAndKeysSideBySide() {
        Map<String, AtomicInteger> running = new ConcurrentHashMap<>();
        Map<String, Queue<Long>> offsets = new ConcurrentHashMap<>();
        AtomicBoolean overlapped = new AtomicBoolean();
        try (Scenario scenario = Scenario.of(brokers, "keys")
                .partitions(2)
                .listener("ordering=key", "max-in-flight=100")
                .handler(record -> {
                    String lane = record.partition() + record.key();
                    if (running.computeIfAbsent(lane, k -> new AtomicInteger()).incrementAndGet() > 1) {
                        overlapped.set(true);
                    }
                    Thread.sleep(1);
                    offsets.computeIfAbsent(lane, k -> new ConcurrentLinkedQueue<>())
                            .add(record.offset());
                    running.get(lane).decrementAndGet();
                })
                .start()) {
            scenario.sendTo(0, 600);
            scenario.sendTo(1, 600);
            scenario.awaitHandled(1200);
            assertThat(overlapped).isFalse();
            assertThat(offsets).hasSize(20);
            assertThat(offsets.values())
                    .allSatisfy(ofLane -> assertThat(List.copyOf(ofLane)).isSorted());
            assertThat(scenario.peakRunning()).isBetween(3, 16);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(100);
        }
    }

    @Test
    void recordsWithoutAKeyKeepTheirOrderInKeyOrder() {
        AtomicInteger running = new AtomicInteger();
        AtomicBoolean overlapped = new AtomicBoolean();
        try (Scenario scenario = Scenario.of(brokers, "null-keys")
                .listener("ordering=key")
                .handler(record -> {
                    if (running.incrementAndGet() > 1) {
                        overlapped.set(true);
                    }
                    Thread.sleep(1);
                    running.decrementAndGet();
                })
                .start()) {
            for (int i = 0; i < 300; i++) {
                scenario.send(0, null, "v" + i);
            }
            scenario.awaitHandled(300);
            assertThat(overlapped).isFalse();
            assertThat(scenario.handled()).extracting(ConsumerRecord::offset).isSorted();
        }
    }

    @Test
    void partitionOrderRunsOneRecordOfAPartitionAtATime() {
        try (Scenario scenario = Scenario.of(brokers, "partitions")
                .partitions(4)
                .listener("ordering=partition")
                .handler(record -> Thread.sleep(1))
                .start()) {
            scenario.send(1200);
            scenario.awaitHandled(1200);
            assertThat(scenario.peakRunning()).isBetween(2, 4);
            for (int partition = 0; partition < 4; partition++) {
                int wanted = partition;
                assertThat(scenario.handled().stream().filter(record -> record.partition() == wanted))
                        .extracting(ConsumerRecord::offset)
                        .isSorted()
                        .hasSize(300);
            }
        }
    }

    @Test
    void bytesInFlightPassTheirLimitByAtMostOnePoll() {
        String value = "x".repeat(1000);
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "bytes")
                .listener("max-in-flight=1000", "max-in-flight-bytes=50KB", "ordering=unordered")
                .consumer("max.poll.records=10")
                .handler(record -> permits.acquire())
                .start()) {
            for (int i = 0; i < 300; i++) {
                scenario.send(0, "k", value);
            }
            scenario.flush();
            await().until(() -> scenario.snapshot(0) != null
                    && scenario.snapshot(0).pauseReason() == PauseReason.MAX_IN_FLIGHT_BYTES);
            long bytesOfARecord = 1001;
            assertThat(scenario.inFlight() * bytesOfARecord).isBetween(50L * 1024, 50 * 1024 + 10 * bytesOfARecord);
            assertThat(scenario.snapshot().bytesInFlight()).isEqualTo(scenario.inFlight() * bytesOfARecord);

            permits.release(300);
            scenario.awaitHandled(300);
            assertThat(scenario.peakInFlight() * bytesOfARecord).isLessThanOrEqualTo(50 * 1024 + 10 * bytesOfARecord);
            await().until(() -> scenario.snapshot().bytesInFlight() == 0);
        }
    }

    @Test
    void partitionPassesItsOwnLimitByAtMostOnePoll() {
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "own-limit")
                .partitions(2)
                .listener("max-in-flight=400", "max-in-flight-per-partition=20", "ordering=unordered")
                .consumer("max.poll.records=5")
                .handler(record -> permits.acquire())
                .start()) {
            scenario.send(200);
            await().until(() -> scenario.snapshot().partitions().size() == 2
                    && scenario.snapshot().partitions().stream()
                            .allMatch(p -> p.pauseReason() == PauseReason.MAX_IN_FLIGHT_PER_PARTITION));
            assertThat(scenario.snapshot().partitions())
                    .allSatisfy(p -> assertThat(p.inFlight()).isBetween(20, 24));
            permits.release(200);
            scenario.awaitHandled(200);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void consumersOfOneListenerKeepTheStrictLimitTogether() {
        try (Scenario scenario = Scenario.of(brokers, "concurrency")
                .partitions(6)
                .listener("max-in-flight=10", "ordering=unordered")
                .property("spring.kafka.listener.concurrency=3")
                .handler(record -> Thread.sleep(1))
                .start()) {
            await().until(() -> scenario.snapshot().partitions().size() == 6);
            assertThat(scenario.members()).hasSize(3);
            scenario.send(3000);
            scenario.awaitHandled(3000);
            assertThat(scenario.peakInFlight()).isBetween(5L, 10L);
            await().until(() -> scenario.committedSum() == 3000);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void idleConsumersDoNotHoldRoomThatABusyOneNeeds() {
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "idle-consumers")
                .partitions(3)
                .listener("max-in-flight=30", "ordering=unordered", "max-concurrency=30")
                .property("spring.kafka.listener.concurrency=3")
                .handler(record -> permits.acquire())
                .start()) {
            await().until(() -> scenario.snapshot().partitions().size() == 3);
            scenario.sendTo(0, 100);
            // Two idle consumers hold room for a poll each, of 30 / 4 / 3 = 2 records; all the rest is for the third.
            await().until(() -> scenario.inFlight() >= 24);
            permits.release(100);
            scenario.awaitHandled(100);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(30);
        }
    }

    @Test
    void aSeekLeavesAloneWhatIsBelowItsTargetAndMakesTheRestComeAgain() {
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch second = new CountDownLatch(1);
        AtomicInteger attemptsAtFive = new AtomicInteger();
        Set<Long> held = ConcurrentHashMap.newKeySet();
        try (Scenario scenario = Scenario.of(brokers, "seek")
                .listener("max-in-flight=10", "ordering=unordered", "commit-interval=50ms")
                .property("spring.kafka.listener.poll-timeout=200ms")
                .handler(record -> {
                    if (record.offset() == 5 && attemptsAtFive.incrementAndGet() == 2) {
                        second.await();
                    } else if (record.offset() < 10 && held.add(record.offset())) {
                        first.await();
                    }
                })
                .start()) {
            scenario.send(20);
            await().until(() -> scenario.running() >= 8);
            scenario.seek(0, 5);
            await().until(() -> scenario.snapshot(0).lastPolled() == 4);
            // The old ones still run and still count.
            assertThat(scenario.container().getInFlight()).isEqualTo(scenario.running());
            first.countDown();
            await().until(() -> attemptsAtFive.get() == 2 && scenario.running() == 1);
            // The old records past 5 are finished, and so are the new ones, but 5 is not.
            await().during(Duration.ofSeconds(1)).until(() -> scenario.committed(0) <= 5);
            second.countDown();
            await().until(() -> scenario.committed(0) == 20);
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(10);
        }
    }

    @Test
    void progressFromBeforeASeekIsNotCommittedAfterIt() {
        CountDownLatch beforeSeek = new CountDownLatch(1);
        CountDownLatch afterSeek = new CountDownLatch(1);
        AtomicInteger attemptsAtTwo = new AtomicInteger();
        try (Scenario scenario = Scenario.of(brokers, "seek-commit")
                .listener("ordering=unordered", "commit-interval=1h")
                .property("spring.kafka.listener.poll-timeout=200ms")
                .handler(record -> {
                    if (record.offset() == 2 && attemptsAtTwo.incrementAndGet() == 2) {
                        afterSeek.await();
                    } else if (record.offset() == 9) {
                        beforeSeek.await();
                    }
                })
                .start()) {
            scenario.send(1);
            await().until(() -> scenario.committed(0) == 1); // so that the next is not due for an hour
            for (int i = 1; i < 10; i++) {
                scenario.send(0, "k", "v");
            }
            scenario.flush();
            await().until(() -> scenario.snapshot(0).frontier() == 9);
            scenario.seek(0, 2);
            await().until(() -> attemptsAtTwo.get() == 2);
            beforeSeek.countDown();
            await().until(() -> scenario.running() == 1);
            await().during(Duration.ofSeconds(1)).until(() -> scenario.committed(0) <= 2);
            afterSeek.countDown();
            await().until(() -> scenario.committed(0) == 10);
        }
    }

    @Test
    void partitionThatIsPausedForItselfIsResumedAfterASeek() {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "seek-paused")
                .listener("max-in-flight=100", "max-in-flight-per-partition=10", "ordering=unordered")
                .consumer("max.poll.records=5")
                .property("spring.kafka.listener.poll-timeout=200ms")
                .handler(record -> release.await())
                .start()) {
            scenario.send(50);
            await().until(() -> scenario.snapshot(0) != null
                    && scenario.snapshot(0).pauseReason() == PauseReason.MAX_IN_FLIGHT_PER_PARTITION);
            long polled = scenario.polled();
            scenario.seek(0, 0);
            // What was queued is out of flight as soon as a worker comes by, what runs as soon as it ends.
            release.countDown();
            await().until(() -> scenario.polled() > polled);
            await().until(() -> scenario.committed(0) == 50);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void replayAfterARestartIsCommittedFromWhereItIs() {
        Semaphore permits = new Semaphore(30);
        Scenario.Builder builder = Scenario.of(brokers, "replay")
                .listener("commit-interval=50ms")
                .property("spring.kafka.listener.poll-timeout=200ms")
                .handler(record -> permits.acquire());
        try (Scenario scenario = builder.start()) {
            scenario.send(30);
            await().until(() -> scenario.committed(0) == 30);
            scenario.closeApplication();
            permits.release(10);
            scenario.startApplication(builder);
            await().until(() -> scenario.snapshot(0) != null);
            // Time for a fetch that tells the position, which is the end.
            await().during(Duration.ofMillis(700)).until(() -> scenario.polled() == 30);
            scenario.seek(0, 0);
            scenario.awaitHandled(40);
            await().atMost(Duration.ofSeconds(3)).until(() -> scenario.committed(0) == 10);
            permits.release(100);
            await().until(() -> scenario.committed(0) == 30);
        }
    }

    @Test
    void bothAnnotationsWorkSideBySide() {
        try (Scenario scenario = Scenario.of(brokers, "both")
                .listener("max-in-flight=10", "ordering=unordered")
                .beans(context -> context.registerBean(Plain.class))
                .start()) {
            Plain plain = scenario.context().getBean(Plain.class);
            scenario.send(100);
            scenario.awaitHandled(100);
            await().until(() -> plain.onPlain.size() == 100 && plain.onOwn.size() == 100);

            assertThat(plain.onPlain).extracting(ConsumerRecord::offset).isSorted();
            assertThat(plain.threads).allMatch(name -> name.contains("-C-"));
            KafkaListenerEndpointRegistry registry = scenario.context().getBean(KafkaListenerEndpointRegistry.class);
            assertThat(registry.getListenerContainer("plain"))
                    .isNotInstanceOf(BackpressuredMessageListenerContainer.class);
            assertThat(registry.getListenerContainer("own"))
                    .isInstanceOfSatisfying(
                            BackpressuredMessageListenerContainer.class,
                            own -> assertThat(own.getOptions().maxInFlight()).isEqualTo(7));
            assertThat(scenario.container().getOptions().maxInFlight()).isEqualTo(10);
        }
    }

    /** The other listeners of an application that has both annotations. */
    static class Plain {

        final Queue<ConsumerRecord<String, String>> onPlain = new ConcurrentLinkedQueue<>();

        final Queue<ConsumerRecord<String, String>> onOwn = new ConcurrentLinkedQueue<>();

        final Set<String> threads = ConcurrentHashMap.newKeySet();

        @KafkaListener(id = "plain", topics = "both")
        void plain(ConsumerRecord<String, String> record) {
            threads.add(Thread.currentThread().getName());
            onPlain.add(record);
        }

        @BackpressuredListener(id = "own", topics = "both", maxInFlight = "7")
        void own(ConsumerRecord<String, String> record) {
            onOwn.add(record);
        }
    }
}
