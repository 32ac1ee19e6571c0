package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** What is to be seen of a listener against a real broker. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"group.min.session.timeout.ms=1000", "offsets.topic.num.partitions=1"})
class SnapshotIT {

    private final String brokers;

    SnapshotIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void aRecordThatHangsIsToBeSeenBehindThoseThatGoOn() {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "hangs")
                .listener("ordering=unordered", "max-in-flight=500", "commit-interval=50ms")
                .handler(record -> {
                    if (record.offset() == 7) {
                        release.await();
                    }
                })
                .start()) {
            scenario.send(3000);
            scenario.awaitHandled(2999);

            await().untilAsserted(() -> {
                ListenerSnapshot.Partition partition = scenario.snapshot(0);
                assertThat(partition.frontier()).isEqualTo(7);
                assertThat(partition.committed()).isEqualTo(7);
                assertThat(partition.position()).isEqualTo(3000);
                assertThat(partition.pastFrontier()).isEqualTo(2993);
                assertThat(partition.lag()).isZero();
                assertThat(partition.frontierLag()).isEqualTo(2993);
            });
            await().untilAsserted(() ->
                    assertThat(scenario.snapshot().oldestUnfinished()).isGreaterThan(Duration.ofMillis(300)));
            ListenerSnapshot snapshot = scenario.snapshot();
            assertThat(snapshot.partitions().get(0).frontierStuck()).isPositive();
            assertThat(snapshot.slowest()).singleElement().satisfies(record -> {
                assertThat(record.offset()).isEqualTo(7);
                assertThat(record.waitsFor()).isEqualTo(WaitsFor.METHOD);
                assertThat(record.age()).isGreaterThan(Duration.ofMillis(100));
                assertThat(record.thread().getStackTrace())
                        .anySatisfy(frame -> assertThat(frame.getClassName()).contains("SnapshotIT"));
            });
            assertThat(snapshot.state()).isEqualTo(State.RUNNING);
            assertThat(snapshot.totals().polled()).isEqualTo(3000);
            assertThat(snapshot.totals().outcomes()).containsEntry(RecordOutcome.HANDLED, 2999L);

            release.countDown();
            await().untilAsserted(() -> {
                ListenerSnapshot after = scenario.snapshot();
                assertThat(after.pastFrontier()).isZero();
                assertThat(after.oldestUnfinished()).isNull();
                assertThat(after.slowest()).isEmpty();
                assertThat(after.frontierLag()).isZero();
                assertThat(after.lastCommit()).isNotNull();
                assertThat(after.totals().outcomes()).containsEntry(RecordOutcome.HANDLED, 3000L);
                assertThat(after.totals().started()).isEqualTo(3000);
            });
        }
    }

    @Test
    void timeIsBusyOrIdleOrPausedAndBothShowInTheTimeline() {
        CountDownLatch release = new CountDownLatch(1);
        try (Scenario scenario = Scenario.of(brokers, "shares")
                .partitions(2)
                .listener("ordering=unordered", "max-in-flight=20")
                .handler(record -> release.await())
                .start()) {
            await().untilAsserted(() ->
                    assertThat(scenario.snapshot().recent().idle()).isGreaterThan(0.9));
            scenario.send(200);
            await().untilAsserted(() -> assertThat(scenario.snapshot().recent().paused())
                    .hasEntrySatisfying(
                            PauseReason.MAX_IN_FLIGHT,
                            share -> assertThat(share).isGreaterThan(0.3)));

            ListenerSnapshot.Recent recent = scenario.snapshot().recent();
            double paused = recent.paused().values().stream()
                    .mapToDouble(share -> share)
                    .sum();
            assertThat(recent.busy() + recent.idle() + paused).isCloseTo(1, within(1e-6));
            assertThat(recent.polledPerSecond()).isPositive();
            assertThat(scenario.snapshot().partitions())
                    .allSatisfy(partition -> assertThat(partition.pausedFor()).isPositive());
            await().untilAsserted(() -> assertThat(scenario.snapshot().timeline())
                    .extracting(ListenerEvent::kind)
                    .contains(ListenerEvent.Kind.ASSIGNED, ListenerEvent.Kind.PAUSED));
            assertThat(scenario.snapshot().timeline())
                    .isSortedAccordingTo((a, b) -> Long.compare(a.sequence(), b.sequence()));

            release.countDown();
            scenario.awaitHandled(200);
            await().untilAsserted(() ->
                    assertThat(scenario.snapshot().recent().finishedPerSecond()).isPositive());
        }
    }

    @Test
    void whatIsReadUnderLoadIsConsistentInItself() {
        try (Scenario scenario = Scenario.of(brokers, "consistent")
                .partitions(4)
                .property("spring.kafka.listener.concurrency=2")
                .listener("ordering=key", "max-in-flight=64", "commit-interval=20ms")
                .handler(record -> {
                    if (record.offset() % 10 == 0) {
                        Thread.sleep(1);
                    }
                })
                .start()) {
            for (int batch = 0; batch < 20; batch++) {
                scenario.send(500);
                do {
                    assertConsistent(scenario.snapshot());
                } while (scenario.handledCount() < batch * 500 + 100);
            }
            scenario.awaitHandled(10_000);
            await().untilAsserted(() -> {
                ListenerSnapshot.Totals totals = scenario.snapshot().totals();
                assertThat(totals.pauses()).isEqualTo(totals.resumes());
            });
        }
    }

    private static void assertConsistent(ListenerSnapshot snapshot) {
        assertThat(snapshot.inFlight()).isBetween(0L, 64L).isEqualTo(snapshot.queued() + snapshot.running());
        assertThat(snapshot.partitions().stream()
                        .mapToLong(ListenerSnapshot.Partition::inFlight)
                        .sum())
                .isEqualTo(snapshot.inFlight());
        assertThat(snapshot.partitions()).allSatisfy(partition -> {
            assertThat(partition.queued()).isNotNegative();
            assertThat(partition.running()).isNotNegative();
            assertThat(partition.committed()).isLessThanOrEqualTo(partition.frontier());
            assertThat(partition.frontier()).isLessThanOrEqualTo(Math.max(0, partition.position()));
            if (partition.endOffset() >= 0) {
                assertThat(partition.position()).isLessThanOrEqualTo(partition.endOffset());
            }
        });
        assertThat(snapshot.totals().resumes())
                .allSatisfy((reason, count) -> assertThat(count)
                        .isLessThanOrEqualTo(snapshot.totals().pauses().get(reason)));
    }
}
