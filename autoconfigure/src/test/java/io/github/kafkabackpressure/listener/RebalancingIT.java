package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.test.Scenario;
import io.github.kafkabackpressure.test.StallDetector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Partitions that come and go while records are in flight. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {
            "group.min.session.timeout.ms=1000",
            "group.consumer.min.heartbeat.interval.ms=200",
            "group.consumer.heartbeat.interval.ms=300",
            "offsets.topic.num.partitions=1"
        })
class RebalancingIT {

    private static final String[] COOPERATIVE = {
        "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        "heartbeat.interval.ms=200",
        "session.timeout.ms=3000"
    };

    private final String brokers;

    RebalancingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** How a group shares its partitions out. */
    enum Protocol {
        EAGER("heartbeat.interval.ms=200", "session.timeout.ms=3000"),
        COOPERATIVE(RebalancingIT.COOPERATIVE),
        CONSUMER("group.protocol=consumer");

        private final String[] properties;

        Protocol(String... properties) {
            this.properties = properties;
        }
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsLostDoubledOrOutOfOrderWhenMembersComeAndGo(Protocol protocol) {
        String id = "members-" + protocol.name().toLowerCase();
        int records = 4000;
        Queue<ConsumerRecord<String, String>> handled = new ConcurrentLinkedQueue<>();
        Map<Integer, AtomicInteger> running = new ConcurrentHashMap<>();
        AtomicBoolean overlapped = new AtomicBoolean();
        Scenario.Builder builder = Scenario.of(brokers, id)
                .partitions(4)
                .listener("max-in-flight=100")
                .consumer(protocol.properties)
                .handler(record -> {
                    AtomicInteger ofPartition =
                            running.computeIfAbsent(record.partition(), partition -> new AtomicInteger());
                    if (ofPartition.incrementAndGet() > 1) {
                        overlapped.set(true);
                    }
                    Thread.sleep(4);
                    handled.add(record);
                    ofPartition.decrementAndGet();
                });
        try (Scenario first = builder.start()) {
            first.send(records);
            StallDetector.await("records", handled::size, 200);
            try (Scenario second = builder.start()) {
                await().until(() -> second.handledCount() > 100);
            }
            try (Scenario third = builder.start()) {
                await().until(() -> third.handledCount() > 100);
                StallDetector.await("records", handled::size, records);
                await().untilAsserted(() -> assertThat(first.committedSum()).isEqualTo(records));
            }
            assertThat(overlapped).isFalse();
            assertThat(handled).hasSize(records);
            for (int partition = 0; partition < 4; partition++) {
                int wanted = partition;
                assertThat(handled.stream().filter(record -> record.partition() == wanted))
                        .extracting(ConsumerRecord::offset)
                        .isSorted()
                        .doesNotHaveDuplicates()
                        .hasSize(records / 4);
            }
            await().until(() -> first.container().getInFlight() == 0);
        }
    }

    @Test
    void keysKeepTheirOrderWhenMembersComeAndGo() {
        int records = 4000;
        Map<String, List<Long>> firstHandled = new ConcurrentHashMap<>();
        Set<String> seen = ConcurrentHashMap.newKeySet();
        Map<String, AtomicInteger> running = new ConcurrentHashMap<>();
        AtomicBoolean overlapped = new AtomicBoolean();
        Scenario.Builder builder = Scenario.of(brokers, "key-members")
                .partitions(2)
                .listener("max-in-flight=100", "ordering=key")
                .consumer(COOPERATIVE)
                .handler(record -> {
                    String lane = record.partition() + record.key();
                    AtomicInteger ofLane = running.computeIfAbsent(lane, key -> new AtomicInteger());
                    if (ofLane.incrementAndGet() > 1) {
                        overlapped.set(true);
                    }
                    Thread.sleep(6);
                    // What was finished past the frontier comes again after a revoke; its first time tells the order.
                    if (seen.add(record.partition() + "@" + record.offset())) {
                        firstHandled
                                .computeIfAbsent(lane, key -> new ArrayList<>())
                                .add(record.offset());
                    }
                    ofLane.decrementAndGet();
                });
        try (Scenario first = builder.start()) {
            first.send(records);
            StallDetector.await("records", seen::size, 200);
            for (int round = 0; round < 2; round++) {
                try (Scenario second = builder.start()) {
                    await().until(() -> second.handledCount() > 50);
                }
            }
            StallDetector.await("records", seen::size, records);
            assertThat(overlapped).isFalse();
            assertThat(firstHandled.values())
                    .allSatisfy(offsets -> assertThat(offsets).isSorted());
            await().until(() -> first.committedSum() == records);
        }
    }

    @Test
    void completionsOfAFormerAssignmentChangeNothingInThePresentOne() {
        CountDownLatch old = new CountDownLatch(1);
        CountDownLatch present = new CountDownLatch(1);
        AtomicInteger attemptsOfFirst = new AtomicInteger();
        AtomicBoolean oldReturned = new AtomicBoolean();
        Scenario.Builder builder = Scenario.of(brokers, "regained")
                .partitions(2)
                .listener("max-in-flight=200", "drain-timeout=300ms", "commit-interval=50ms")
                .consumer(COOPERATIVE)
                .property("spring.kafka.listener.poll-timeout=300ms");
        // Both attempts of the first member hang, in each of the partitions; the second member handles nothing.
        Map<String, AtomicInteger> attempts = new ConcurrentHashMap<>();
        Scenario.Builder hanging = builder.handler(record -> {
            if (record.offset() == 0) {
                attemptsOfFirst.incrementAndGet();
                int attempt = attempts.computeIfAbsent("p" + record.partition(), key -> new AtomicInteger())
                        .incrementAndGet();
                if (attempt == 1) {
                    Scenario.hang(old);
                    oldReturned.set(true);
                } else {
                    present.await();
                }
            }
        });
        try (Scenario first = hanging.start()) {
            first.send(40);
            await().until(() -> attemptsOfFirst.get() == 2);
            int moved;
            try (Scenario second = Scenario.of(brokers, "regained")
                    .partitions(2)
                    .listener("drain-timeout=300ms")
                    .consumer(COOPERATIVE)
                    .handler(record -> new CountDownLatch(1).await())
                    .start()) {
                await().until(() -> second.running() == 1);
                moved = second.snapshot().partitions().get(0).partition();
            }
            await().until(() -> first.snapshot(moved) != null && attemptsOfFirst.get() == 3);
            old.countDown();
            await().until(oldReturned::get);
            await().during(Duration.ofSeconds(1)).until(() -> first.committed(moved) <= 0);
            assertThat(first.snapshot(moved).running()).isEqualTo(1);
            assertThat(first.snapshot(moved).frontier()).isLessThanOrEqualTo(0);

            present.countDown();
            await().until(() -> first.committedSum() == 40);
            assertThat(first.snapshot().pausedPartitions()).isZero();
            assertThat(first.container().getInFlight()).isZero();
        }
    }

    @Test
    void regainedPartitionHasNoRoomThatItsFormerWorkStillHolds() {
        CountDownLatch old = new CountDownLatch(1);
        AtomicInteger peak = new AtomicInteger();
        AtomicInteger unfinished = new AtomicInteger();
        Set<String> hung = ConcurrentHashMap.newKeySet();
        try (Scenario scenario = Scenario.of(brokers, "eager-full")
                .partitions(2)
                .listener("max-in-flight=8", "ordering=unordered", "drain-timeout=300ms")
                .consumer("heartbeat.interval.ms=200", "session.timeout.ms=3000")
                .property("spring.kafka.listener.poll-timeout=300ms")
                .handler(record -> {
                    peak.accumulateAndGet(unfinished.incrementAndGet(), Math::max);
                    if (hung.size() < 8 && hung.add(record.partition() + "@" + record.offset())) {
                        Scenario.hang(old);
                    }
                    unfinished.decrementAndGet();
                })
                .start()) {
            scenario.send(40);
            await().until(() -> unfinished.get() == 8);
            double rebalances = scenario.rebalances();
            // An eager rebalance takes all partitions away and gives them back.
            scenario.container().enforceRebalance();
            await().until(() -> scenario.rebalances() > rebalances
                    && scenario.snapshot().partitions().size() == 2);
            await().during(Duration.ofSeconds(1))
                    .until(() -> scenario.container().getInFlight() == 8);
            assertThat(scenario.snapshot().partitions())
                    .allSatisfy(p -> assertThat(p.inFlight()).isZero())
                    .extracting(ListenerSnapshot.Partition::pauseReason)
                    .containsOnly(PauseReason.MAX_IN_FLIGHT);
            old.countDown();
            await().until(() -> scenario.committedSum() == 40);
            assertThat(peak.get()).isLessThanOrEqualTo(8);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void lostPartitionsAreNeitherDrainedNorCommitted() throws Exception {
        CountDownLatch old = new CountDownLatch(1);
        CountDownLatch present = new CountDownLatch(1);
        AtomicInteger attempts = new AtomicInteger();
        try (Scenario scenario = Scenario.of(brokers, "lost")
                .listener("drain-timeout=30s", "ordering=unordered", "commit-interval=50ms")
                .consumer("heartbeat.interval.ms=200", "session.timeout.ms=3000")
                .property("spring.kafka.listener.poll-timeout=300ms")
                .handler(record -> {
                    if (record.offset() == 3) {
                        if (attempts.incrementAndGet() == 1) {
                            Scenario.hang(old);
                        } else {
                            present.await();
                        }
                    }
                })
                .start()) {
            scenario.send(10);
            await().until(() -> scenario.committed(0) == 3);
            long began = System.nanoTime();
            scenario.admin()
                    .removeMembersFromConsumerGroup("lost", new RemoveMembersFromConsumerGroupOptions())
                    .all()
                    .get();
            await().until(() -> attempts.get() == 2);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(8));
            old.countDown();
            await().during(Duration.ofSeconds(1)).until(() -> scenario.committed(0) == 3);
            present.countDown();
            await().until(() -> scenario.committed(0) == 10);
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void drainOfARevokeEndsBeforeThePollInterval() {
        CountDownLatch hang = new CountDownLatch(1);
        Map<Integer, AtomicInteger> started = new HashMap<>(Map.of(0, new AtomicInteger(), 1, new AtomicInteger()));
        try (Scenario first = Scenario.of(brokers, "capped")
                .partitions(2)
                .listener("drain-timeout=60s")
                .consumer(COOPERATIVE)
                .consumer("max.poll.interval.ms=3000")
                .handler(record -> {
                    started.get(record.partition()).incrementAndGet();
                    Scenario.hang(hang);
                })
                .start()) {
            first.send(20);
            await().until(() -> first.running() == 2);
            List<String> before = first.members();
            try (Scenario second = Scenario.of(brokers, "capped")
                    .partitions(2)
                    .consumer(COOPERATIVE)
                    .handler(record -> {})
                    .start()) {
                await().until(() -> second.handledCount() == 10);
                // Nothing that only waited was started by the drain.
                assertThat(started.values())
                        .allSatisfy(count -> assertThat(count).hasValue(1));
                assertThat(first.members()).containsAll(before).hasSize(2);
                assertThat(first.snapshot().partitions()).hasSize(1);
            } finally {
                hang.countDown();
            }
        }
    }

    @Test
    void usersPauseHoldsForPartitionsThatComeLater() throws Exception {
        try (Scenario scenario = Scenario.of(brokers, "paused")
                .listener("max-in-flight=10")
                .consumer(COOPERATIVE)
                .consumer("metadata.max.age.ms=300")
                .property("spring.kafka.listener.poll-timeout=300ms")
                .start()) {
            scenario.send(5);
            scenario.awaitHandled(5);
            scenario.container().pause();
            await().until(() -> scenario.snapshot(0).pauseReason() == PauseReason.USER);
            scenario.admin()
                    .createPartitions(Map.of("paused", NewPartitions.increaseTo(2)))
                    .all()
                    .get();
            scenario.sendTo(1, 5);
            await().until(() -> scenario.snapshot(1) != null);
            await().during(Duration.ofSeconds(1)).until(() -> scenario.polled() == 5);
            assertThat(scenario.snapshot(1).pauseReason()).isEqualTo(PauseReason.USER);
            scenario.container().resume();
            scenario.awaitHandled(10);
        }
    }

    @Test
    void requestToPauseAPartitionEndsWithItsResumeAfterARebalance() {
        Scenario.Builder builder = Scenario.of(brokers, "one-paused")
                .partitions(2)
                .listener("max-in-flight=10")
                .consumer(COOPERATIVE)
                .property("spring.kafka.listener.poll-timeout=300ms");
        try (Scenario scenario = builder.start()) {
            await().until(() -> scenario.snapshot().partitions().size() == 2);
            var zero = new TopicPartition("one-paused", 0);
            scenario.container().pausePartition(zero);
            await().until(() -> scenario.snapshot(0).pauseReason() == PauseReason.USER);
            scenario.send(40);
            scenario.awaitHandled(20);
            assertThat(scenario.handled()).extracting(ConsumerRecord::partition).containsOnly(1);
            try (Scenario other = builder.start()) {
                await().until(() -> !other.snapshot().partitions().isEmpty());
            }
            await().until(() -> scenario.snapshot().partitions().size() == 2);
            scenario.container().resumePartition(zero);
            await().until(() -> scenario.committedSum() == 40);
            assertThat(scenario.snapshot().pausedPartitions()).isZero();
        }
    }

    @Test
    void groupOfSeveralConsumersKeepsTheLimitAcrossRebalances() {
        Scenario.Builder builder = Scenario.of(brokers, "several")
                .partitions(6)
                .listener("max-in-flight=12")
                .property("spring.kafka.listener.concurrency=3")
                .consumer(COOPERATIVE);
        AtomicInteger running = new AtomicInteger();
        Queue<Long> overLimit = new ConcurrentLinkedQueue<>();
        Scenario[] self = new Scenario[1];
        Set<String> handled = ConcurrentHashMap.newKeySet();
        builder.handler(record -> {
            running.incrementAndGet();
            Scenario scenario = self[0];
            long inFlight = scenario == null ? 0 : scenario.container().getInFlight();
            if (inFlight > 12) {
                overLimit.add(inFlight);
            }
            Thread.sleep(2);
            handled.add(record.partition() + "@" + record.offset());
            running.decrementAndGet();
        });
        try (Scenario first = builder.start()) {
            self[0] = first;
            first.send(6000);
            StallDetector.await("records", handled::size, 500);
            try (Scenario second = builder.start()) {
                await().until(() -> second.handledCount() > 100);
            }
            StallDetector.await("records", handled::size, 6000);
            assertThat(overLimit).isEmpty();
            await().until(() -> first.committedSum() == 6000);
            await().until(() -> first.container().getInFlight() == 0);
            assertThat(first.snapshot().pausedPartitions()).isZero();
            assertThat(new HashSet<>(first.members())).hasSize(3);
        }
    }

    /** How many pauses have not ended, by reason. */
    private static final class Pauses implements ListenerMetrics {

        final Map<PauseReason, AtomicInteger> begun = new ConcurrentHashMap<>();

        final Map<PauseReason, AtomicInteger> open = new ConcurrentHashMap<>();

        @Override
        public boolean wantsRecords() {
            return false;
        }

        @Override
        public void paused(PauseReason reason) {
            begun.computeIfAbsent(reason, any -> new AtomicInteger()).incrementAndGet();
            open.computeIfAbsent(reason, any -> new AtomicInteger()).incrementAndGet();
        }

        @Override
        public void resumed(PauseReason reason) {
            open.computeIfAbsent(reason, any -> new AtomicInteger()).decrementAndGet();
        }
    }

    @Test
    void everyPauseThatIsCountedEndsThoughPartitionsLeaveOrAreSoughtMeanwhile() {
        for (String limit : List.of("max-in-flight=20", "max-in-flight-per-partition=5")) {
            Pauses pauses = new Pauses();
            CountDownLatch release = new CountDownLatch(1);
            Scenario.Builder builder = Scenario.of(brokers, "pauses-" + limit.substring(0, limit.indexOf('=')))
                    .partitions(2)
                    .listener("ordering=unordered", "max-concurrency=4", "drain-timeout=1s", limit)
                    .consumer(COOPERATIVE)
                    .metrics(pauses)
                    .handler(record -> release.await());
            try (Scenario first = builder.prepare()) {
                first.send(400);
                first.startApplication(builder);
                PauseReason reason = limit.contains("partition")
                        ? PauseReason.MAX_IN_FLIGHT_PER_PARTITION
                        : PauseReason.MAX_IN_FLIGHT;
                await().until(() -> pauses.open.containsKey(reason)
                        && pauses.open.get(reason).get() > 0);
                first.container()
                        .pausePartition(new TopicPartition(first.snapshot(0).topic(), 1));
                await().until(() -> pauses.begun.containsKey(PauseReason.USER));
                first.seek(0, 0);
                try (Scenario second = builder.prepare()) {
                    second.startApplication(builder);
                    await().until(() -> first.snapshot().partitions().size() == 1
                            && second.snapshot().partitions().size() == 1);
                }
                await().until(() -> first.snapshot().partitions().size() == 2);
                release.countDown();
            }
            assertThat(pauses.open)
                    .allSatisfy((reason, open) ->
                            assertThat(open).as(limit + " " + reason).hasValue(0));
        }
    }
}
