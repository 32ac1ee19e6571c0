package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Pausing and resuming against a real broker. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"group.min.session.timeout.ms=1000", "offsets.topic.num.partitions=1"})
class PausingIT {

    /** Runs the variants that take minutes. */
    private static final boolean HEAVY = Boolean.getBoolean("scenario.heavy");

    private final String brokers;

    PausingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void handlesEveryRecordOfManyTopicsWithoutAStall() {
        int perTopic = HEAVY ? 5000 : 400;
        int topics = 15;
        Scenario.Builder builder =
                Scenario.of(brokers, "p1").listener("max-in-flight=32").handler(record -> Thread.sleep(HEAVY ? 10 : 5));
        for (int i = 0; i < topics; i++) {
            builder.topic("p1-" + i, 1);
        }
        try (Scenario scenario = builder.start()) {
            scenario.send(topics * perTopic);
            scenario.awaitHandled(topics * perTopic);

            assertThat(new HashSet<>(scenario.handledPositions())).hasSize(topics * perTopic);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(32);
            await().untilAsserted(() -> assertThat(scenario.committedSum()).isEqualTo(topics * perTopic));
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void neverHasMoreInFlightThanTheLimitForOneSlowWorker() {
        String large = "x".repeat(16 * 1024);
        try (Scenario scenario = Scenario.of(brokers, "p2")
                .listener("max-in-flight=64", "max-concurrency=1", "ordering=unordered")
                .consumer("max.poll.records=64")
                .handler(record -> Thread.sleep(5))
                .start()) {
            for (int i = 0; i < 1500; i++) {
                scenario.send(0, "k", large);
            }
            scenario.flush();
            scenario.awaitHandled(500);

            assertThat(scenario.peakRunning()).isEqualTo(1);
            // It gets near the limit, or the test would not show that it keeps to it.
            assertThat(scenario.peakInFlight()).isBetween(48L, 64L);
            assertThat(scenario.snapshot().inFlight()).isLessThanOrEqualTo(64);
        }
    }

    @Test
    void fetchesNothingAndStaysInItsGroupWhileEverythingIsPaused() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "p3")
                .partitions(3)
                .listener("max-in-flight=32", "ordering=unordered")
                .consumer("session.timeout.ms=1500", "heartbeat.interval.ms=300", "max.poll.interval.ms=2500")
                .handler(record -> release.await())
                .start()) {
            scenario.send(1500);
            await().until(() -> scenario.snapshot().pausedPartitions() == 3);
            List<String> members = scenario.members();
            double rebalances = scenario.rebalances();
            double consumed = scenario.metric("consumer-fetch-manager-metrics", "records-consumed-total");

            for (int i = 0; i < 8; i++) {
                Thread.sleep(500); // time that must pass, not a guess: longer than the session and the poll interval
                scenario.send(30);
            }

            assertThat(scenario.snapshot().partitions())
                    .extracting(ListenerSnapshot.Partition::pauseReason)
                    .containsOnly(PauseReason.MAX_IN_FLIGHT);
            assertThat(scenario.metric("consumer-fetch-manager-metrics", "records-consumed-total"))
                    .isEqualTo(consumed);
            assertThat(scenario.members()).isEqualTo(members).hasSize(1);
            assertThat(scenario.rebalances()).isEqualTo(rebalances);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(32);

            release.countDown();
            scenario.awaitHandled(1500 + 8 * 30);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(32);
        }
    }

    @Test
    void fullPartitionDoesNotHoldUpOthersByItsOwnLimit() {
        smallPartitionsFinishFirst("p6-own", "max-in-flight=100", "max-in-flight-per-partition=20");
    }

    @Test
    void slowPartitionDoesNotHoldUpOthersByTheFairShare() {
        smallPartitionsFinishFirst("p6-fair", "max-in-flight=40");
    }

    private void smallPartitionsFinishFirst(String id, String... limits) {
        Map<Integer, AtomicInteger> handled =
                Map.of(0, new AtomicInteger(), 1, new AtomicInteger(), 2, new AtomicInteger());
        AtomicInteger ofSlowWhenOthersWereDone = new AtomicInteger(-1);
        Scenario.Builder builder = Scenario.of(brokers, id)
                .partitions(3)
                .listener(limits)
                .consumer("max.poll.records=10")
                .handler(record -> {
                    Thread.sleep(record.partition() == 0 && ofSlowWhenOthersWereDone.get() < 0 ? 40 : 1);
                    handled.get(record.partition()).incrementAndGet();
                    if (handled.get(1).get() == 20 && handled.get(2).get() == 20) {
                        ofSlowWhenOthersWereDone.compareAndSet(
                                -1, handled.get(0).get());
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 120);
            scenario.sendTo(1, 20);
            scenario.sendTo(2, 20);
            scenario.startApplication(builder);
            scenario.awaitHandled(160);
            // Far from the end of the slow partition: what counts is that they do not wait for it.
            assertThat(ofSlowWhenOthersWereDone.get()).isBetween(0, 40);
        }
    }

    @Test
    void usersPauseOutlivesADrain() {
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "p7")
                .listener("max-in-flight=10", "ordering=unordered")
                .handler(record -> permits.acquire())
                .start()) {
            scenario.send(40);
            await().until(() -> scenario.inFlight() == 10);
            scenario.container().pause();
            await().until(() -> scenario.snapshot(0).pauseReason() == PauseReason.USER);
            permits.release(10);
            await().until(() -> scenario.container().getInFlight() == 0);
            // Paused all the while: the commit of the drained partition takes ticks, each of which could resume.
            await().until(() -> scenario.committed(0) == 10);
            await().during(Duration.ofSeconds(1)).until(() -> scenario.polled() == 10);
            assertThat(scenario.snapshot(0).pauseReason()).isEqualTo(PauseReason.USER);

            permits.release(30);
            scenario.container().resume();
            scenario.awaitHandled(40);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void usersResumeDoesNotEndThePauseOfTheLimit() {
        Semaphore permits = new Semaphore(0);
        try (Scenario scenario = Scenario.of(brokers, "p7-limit")
                .listener("max-in-flight=10", "ordering=unordered")
                .handler(record -> permits.acquire())
                .start()) {
            scenario.send(40);
            await().until(() -> scenario.inFlight() == 10);
            scenario.container().pause();
            await().until(() -> scenario.snapshot(0).pauseReason() == PauseReason.USER);
            scenario.container().resume();
            await().until(() -> scenario.snapshot(0).pauseReason() == PauseReason.MAX_IN_FLIGHT);
            await().during(Duration.ofSeconds(1)).until(() -> scenario.polled() == 10);
            permits.release(40);
            scenario.awaitHandled(40);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(10);
        }
    }

    @Test
    void staysInItsGroupWhileHandlersBlockLongerThanThePollInterval() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        AtomicLong nextHandledAt = new AtomicLong();
        try (Scenario scenario = Scenario.of(brokers, "j1")
                .listener("max-in-flight=20", "ordering=unordered")
                .consumer("max.poll.interval.ms=2000", "session.timeout.ms=1500", "heartbeat.interval.ms=300")
                .handler(record -> {
                    if (release.getCount() == 0) {
                        nextHandledAt.compareAndSet(0, System.nanoTime());
                    }
                    release.await();
                })
                .start()) {
            scenario.send(200);
            await().until(() -> scenario.inFlight() == 20);
            List<String> members = scenario.members();
            double rebalances = scenario.rebalances();

            Thread.sleep(6000); // three times the poll interval

            long released = System.nanoTime();
            release.countDown();
            scenario.awaitHandled(200);
            assertThat(scenario.members()).isEqualTo(members).hasSize(1);
            assertThat(scenario.rebalances()).isEqualTo(rebalances);
            assertThat(Duration.ofNanos(nextHandledAt.get() - released)).isLessThan(Duration.ofSeconds(1));
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
    }

    @Test
    void newPartitionOfAFullListenerDeliversNothingBeforeThereIsRoom() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "j5")
                .listener("max-in-flight=8", "ordering=unordered")
                .consumer(
                        "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
                        "metadata.max.age.ms=300",
                        "heartbeat.interval.ms=300")
                .handler(record -> release.await())
                .start()) {
            scenario.send(20);
            await().until(() -> scenario.inFlight() == 8);

            scenario.admin()
                    .createPartitions(Map.of("j5", NewPartitions.increaseTo(2)))
                    .all()
                    .get();
            scenario.sendTo(1, 20);
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.snapshot(1) != null);

            await().during(Duration.ofSeconds(2)).until(() -> scenario.polled() == 8);
            assertThat(scenario.snapshot(1).pauseReason()).isEqualTo(PauseReason.MAX_IN_FLIGHT);

            release.countDown();
            scenario.awaitHandled(40);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(8);
        }
    }

    @Test
    void resumesWithinMillisecondsOfTheCompletionThatMakesRoom() {
        int rounds = 200;
        int limit = 200;
        int low = 100;
        Semaphore permits = new Semaphore(0);
        AtomicLong newest = new AtomicLong(-1);
        AtomicLong mark = new AtomicLong(Long.MAX_VALUE);
        AtomicLong newHandledAt = new AtomicLong();
        AtomicLong roomMadeAt = new AtomicLong();
        AtomicInteger held = new AtomicInteger();
        try (Scenario scenario = Scenario.of(brokers, "r1")
                .partitions(3)
                .listener("max-in-flight=" + limit, "max-concurrency=" + limit, "ordering=unordered")
                .handler(record -> {
                    if (record.offset() > mark.get()) {
                        newHandledAt.compareAndSet(0, System.nanoTime());
                    }
                    newest.accumulateAndGet(record.offset(), Math::max);
                    held.incrementAndGet();
                    permits.acquire();
                    if (held.decrementAndGet() == low) {
                        roomMadeAt.compareAndSet(0, System.nanoTime());
                    }
                })
                .start()) {
            scenario.sendTo(0, rounds * limit + limit);
            long[] nanos = new long[rounds];
            for (int round = 0; round < rounds; round++) {
                // Paused before it is quite full where a poll brought less than it could have.
                await().pollInterval(Duration.ofMillis(1))
                        .until(() -> scenario.snapshot(0) != null
                                && scenario.snapshot(0).pauseReason() == PauseReason.MAX_IN_FLIGHT
                                && scenario.inFlight() > low
                                && scenario.inFlight() == held.get());
                mark.set(newest.get());
                newHandledAt.set(0);
                roomMadeAt.set(0);
                permits.release(held.get() - low);
                await().pollInterval(Duration.ofMillis(1)).until(() -> newHandledAt.get() != 0);
                nanos[round] = newHandledAt.get() - roomMadeAt.get();
            }
            permits.release(rounds * limit + limit);
            Arrays.sort(nanos);
            double p50 = nanos[rounds / 2] / 1e6;
            double p99 = nanos[rounds * 99 / 100 - 1] / 1e6;
            System.out.printf("room made to first new record handled: p50 %.2f ms, p99 %.2f ms%n", p50, p99);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(limit);
            // On an idle machine the p99 is a few milliseconds; a lost wake-up would be a poll timeout of seconds.
            assertThat(p50).isLessThan(20);
            assertThat(p99).isLessThan(200);
        }
    }

    @Test
    void resumesOnlyBelowTheLowWatermark() {
        Queue<Long> inFlightAtResume = new ConcurrentLinkedQueue<>();
        AtomicInteger pauses = new AtomicInteger();
        Scenario[] self = new Scenario[1];
        Scenario.Builder builder = Scenario.of(brokers, "a1")
                .listener("max-in-flight=100", "resume-at=0.5", "ordering=unordered")
                .metrics(new ListenerMetrics() {
                    @Override
                    public void paused(PauseReason reason) {
                        pauses.incrementAndGet();
                    }

                    @Override
                    public void resumed(PauseReason reason) {
                        inFlightAtResume.add(self[0].inFlight());
                    }
                })
                .handler(record -> Thread.sleep(2));
        try (Scenario scenario = builder.prepare()) {
            self[0] = scenario;
            scenario.send(1000);
            scenario.startApplication(builder);
            scenario.awaitHandled(1000);

            assertThat(scenario.peakInFlight()).isBetween(76L, 100L);
            assertThat(inFlightAtResume).isNotEmpty().allMatch(inFlight -> inFlight <= 50);
            // Nothing flaps: each resume lets in half of the limit at least.
            assertThat(inFlightAtResume.size()).isLessThanOrEqualTo(1000 / 50);
            await().untilAsserted(() ->
                    assertThat(pauses.get() - inFlightAtResume.size()).isIn(0, 1));
        }
    }

    @Test
    void stormOfCompletionsDoesNotStarveTheMembership() {
        int records = HEAVY ? 3_000_000 : 500_000;
        try (Scenario scenario = Scenario.of(brokers, "storm")
                .partitions(2)
                .listener("max-in-flight=500", "resume-at=1", "ordering=unordered", "max-concurrency=2")
                .consumer("session.timeout.ms=3000", "heartbeat.interval.ms=500", "max.poll.interval.ms=3000")
                .start()) {
            long began = System.nanoTime();
            scenario.send(records);
            scenario.awaitHandled(records);
            double seconds = (System.nanoTime() - began) / 1e9;
            System.out.printf("%.0f completions a second for %.1f s%n", records / seconds, seconds);
            assertThat(scenario.rebalances()).isEqualTo(1);
            assertThat(scenario.members()).hasSize(1);
            assertThat(scenario.peakInFlight()).isLessThanOrEqualTo(500);
            assertThat(scenario.handledCount()).isEqualTo(records);
        }
    }

    @Test
    void resumedPartitionsDoNotWaitForALongPollUnlessTheUserWantsThat() {
        assertThat(fetchMaxWait("wait-default")).isEqualTo("100");
        assertThat(fetchMaxWait("wait-own", "fetch.max.wait.ms=400")).isEqualTo("400");
        assertThat(fetchMaxWait("wait-bytes", "fetch.min.bytes=1000")).isNull();
    }

    private @Nullable Object fetchMaxWait(String id, String... settings) {
        try (Scenario scenario = Scenario.of(brokers, id)
                .consumer(settings)
                .consumer("interceptor.classes=" + Configured.class.getName())
                .start()) {
            await().until(() -> Configured.CONFIGURATIONS.containsKey(id));
            return Configured.CONFIGURATIONS.get(id).get("fetch.max.wait.ms");
        }
    }

    /** Keeps the configuration of consumers, by group. */
    public static final class Configured implements ConsumerInterceptor<Object, Object> {

        static final Map<String, Map<String, ?>> CONFIGURATIONS = new ConcurrentHashMap<>();

        @Override
        public void configure(Map<String, ?> configuration) {
            CONFIGURATIONS.put((String) configuration.get("group.id"), configuration);
        }

        @Override
        public ConsumerRecords<Object, Object> onConsume(ConsumerRecords<Object, Object> records) {
            return records;
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

        @Override
        public void close() {}
    }
}
