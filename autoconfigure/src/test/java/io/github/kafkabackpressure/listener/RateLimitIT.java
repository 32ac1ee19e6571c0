package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.listener.ListenerSnapshot.Limits;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Rate limits on handling, against a real broker. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "group.min.session.timeout.ms=1000"})
class RateLimitIT {

    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    private final String brokers;

    private final Queue<Long> started = new ConcurrentLinkedQueue<>();

    RateLimitIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** A5. */
    @ParameterizedTest
    @ValueSource(strings = {"partition", "unordered"})
    void handlesAtTheRateAndStaysInItsGroup(String ordering) {
        int records = 300;
        try (Scenario scenario = Scenario.of(brokers, "a5-" + ordering)
                .listener("ordering=" + ordering, "max-in-flight=100", "rate-limit.rate=50", "rate-limit.burst=10")
                .consumer("max.poll.interval.ms=5000", "session.timeout.ms=3000", "heartbeat.interval.ms=500")
                .handler(record -> started.add(System.nanoTime()))
                .start()) {
            scenario.sendTo(0, records);
            scenario.awaitHandled(records);

            List<Long> times = List.copyOf(started);
            long first = times.get(0);
            for (int i = 0; i < times.size(); i++) {
                double seconds = (times.get(i) - first) / SECOND;
                // Half a token of grace: the clock is read when the record has been let out, not when its token was
                // taken.
                assertThat(i + 1).isLessThanOrEqualTo((int) (10.5 + 50 * (seconds + 0.05)));
            }
            double took = (times.get(records - 1) - first) / SECOND;
            assertThat(took)
                    .isBetween(
                            (records - 10) / 50.0 - 0.2,
                            (records - 10) / 50.0 + 10); // or later, on a machine that is busy
            assertThat(scenario.rebalances()).isEqualTo(1);
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(records));
        }
    }

    @Test
    void aTenantWithoutTokensHoldsUpNoOther() {
        Map<String, Queue<Long>> byKey = new ConcurrentHashMap<>();
        try (Scenario scenario = Scenario.of(brokers, "tenants")
                .listener(
                        "ordering=key",
                        "max-in-flight=400",
                        "rate-limit.rate=1",
                        "rate-limit.burst=5",
                        "rate-limit.per=key")
                .handler(record -> byKey.computeIfAbsent(record.key(), key -> new ConcurrentLinkedQueue<>())
                        .add(System.nanoTime()))
                .start()) {
            for (int i = 0; i < 60; i++) {
                scenario.send(0, "greedy", String.valueOf(i));
            }
            for (int tenant = 0; tenant < 20; tenant++) {
                for (int i = 0; i < 5; i++) {
                    scenario.send(0, "tenant " + tenant, String.valueOf(i));
                }
            }
            scenario.flush();
            await().until(() -> byKey.entrySet().stream()
                            .filter(entry -> !entry.getKey().equals("greedy"))
                            .mapToInt(entry -> entry.getValue().size())
                            .sum()
                    == 100);

            assertThat(byKey.get("greedy").size()).isBetween(5, 15);
        }
    }

    @Test
    void aCostByTheRecordTakesSoManyTokens() {
        try (Scenario scenario = Scenario.of(brokers, "cost")
                .listener(
                        "ordering=unordered",
                        "rate-limit.rate=100",
                        "rate-limit.burst=100",
                        "rate-limit.cost=value.length() * 10")
                .handler(record -> started.add(System.nanoTime()))
                .start()) {
            for (int i = 0; i < 10; i++) {
                scenario.send(0, "k", "12345");
            }
            scenario.flush();
            scenario.awaitHandled(10);

            List<Long> times = List.copyOf(started);
            assertThat((times.get(1) - times.get(0)) / SECOND).isLessThan(0.5);
            assertThat((times.get(9) - times.get(0)) / SECOND)
                    .as("500 tokens, of which there were 100")
                    .isBetween(3.8, 6.0);
        }
    }

    /** Without the change the rest would take an hour. */
    @ParameterizedTest
    @ValueSource(strings = {"listener", "key"})
    void aRateThatIsChangedHoldsAtOnceForWhatWaitsForTheOldOne(String per) {
        try (Scenario scenario = Scenario.of(brokers, "changed-" + per)
                .listener(
                        "ordering=key", "rate-limit.window-records=5", "rate-limit.window=1h", "rate-limit.per=" + per)
                .handler(record -> started.add(System.nanoTime()))
                .start()) {
            for (int i = 0; i < 40; i++) {
                scenario.send(0, "key " + i % 2, "value");
            }
            scenario.flush();
            int first = per.equals("key") ? 10 : 5;
            await().until(() -> scenario.inFlight() == 40 - first);

            scenario.container().changeLimits(Map.of("rate-limit.window-records", 15));
            scenario.awaitHandled(first * 3);
            scenario.container().changeLimits(Map.of("rate-limit.window", "10ms"));
            scenario.awaitHandled(40);
            assertThat(scenario.snapshot().limits())
                    .extracting(Limits::rateLimitWindowRecords, Limits::rateLimitWindow)
                    .containsExactly(15, Duration.ofMillis(10));
        }
    }

    /** As many as the old rate would have brought in the same time, and so never a second burst. */
    @Test
    void aRateThatIsLoweredUnderLoadIsNotExceeded() {
        try (Scenario scenario = Scenario.of(brokers, "lowered")
                .listener("ordering=unordered", "rate-limit.rate=200", "rate-limit.burst=50")
                .handler(record -> started.add(System.nanoTime()))
                .start()) {
            scenario.sendTo(0, 300);
            await().until(() -> started.size() >= 100);

            scenario.container().changeLimits(Map.of("rate-limit.rate", 20, "rate-limit.burst", 1));
            long changed = System.nanoTime();
            await().until(() -> started.stream().filter(time -> time > changed).count() >= 20);

            List<Long> since = started.stream().filter(time -> time > changed).toList();
            for (int i = 0; i < since.size(); i++) {
                double seconds = (since.get(i) - changed) / SECOND;
                // Up to 16 workers may have had their tokens before.
                assertThat(i + 1).isLessThanOrEqualTo((int) (16 + 1.5 + 20 * (seconds + 0.05)));
            }
            scenario.container().changeLimits(Map.of("rate-limit.rate", 1_000_000));
            scenario.awaitHandled(300);
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
    }

    @Test
    void aListenerThatIsStoppedWhileItsRecordsWaitForTokensStopsAtOnceAndGoesOnLater() {
        try (Scenario scenario = Scenario.of(brokers, "stopped")
                .listener("max-in-flight=50", "rate-limit.window-records=3", "rate-limit.window=2s")
                .start()) {
            scenario.sendTo(0, 9);
            scenario.awaitHandled(3);
            long begun = System.nanoTime();
            scenario.container().stop();
            assertThat((System.nanoTime() - begun) / SECOND).isLessThan(3);
            assertThat(scenario.committed(0)).isEqualTo(3);
            scenario.container().start();
            scenario.awaitHandled(9);

            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(9));
            assertThat(scenario.handledPositions()).doesNotHaveDuplicates();
        }
    }
}
