package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Records that stand still in some partitions, by thousands, and what goes on in the others. */
@EmbeddedKafka(partitions = 1)
class StandingStillIT {

    private static final int MANY = 3000;

    private final String brokers;

    private final CountDownLatch release = new CountDownLatch(1);

    private final AtomicInteger begun = new AtomicInteger();

    /** Whether handlers only compute: a hang is noticed late then. */
    private boolean quick;

    StandingStillIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Configuration(proxyBeanMethods = false)
    static class AMinuteOfBackOff {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(60_000, 5));
        }
    }

    private void handle(ConsumerRecord<String, String> record) throws InterruptedException {
        if (!quick) {
            LockSupport.parkNanos(20_000);
        }
        if (record.value().startsWith("hang")) {
            begun.incrementAndGet();
            release.await();
        } else if (record.value().startsWith("fail")) {
            begun.incrementAndGet();
            throw new IllegalStateException(record.value());
        }
    }

    private Scenario.Builder scenario(String id, int partitions, Ordering ordering) {
        return Scenario.of(brokers, id)
                .partitions(partitions)
                .listener("ordering=" + ordering.name().toLowerCase(Locale.ROOT))
                .with(AMinuteOfBackOff.class)
                .handler(this::handle);
    }

    /** Sends good records to partitions, several times one after the other, and waits for them each time. */
    private static void goodOnesAreHandled(Scenario scenario, int... partitions) {
        for (int round = 0; round < 3; round++) {
            int before = scenario.handledCount();
            for (int i = 0; i < 300; i++) {
                scenario.send(partitions[i % partitions.length], "good " + i % 50, "good");
            }
            scenario.flush();
            await().atMost(Duration.ofSeconds(10)).until(() -> scenario.handledCount() == before + 300);
        }
    }

    private void awaitTheyStand(Scenario scenario, int atLeast) {
        awaitTheyStand(scenario, atLeast, 1);
    }

    private void awaitTheyStand(Scenario scenario, int atLeast, int atLeastBegun) {
        await().until(() -> begun.get() >= atLeastBegun && scenario.container().getInFlight() >= atLeast);
        long[] before = {-1};
        await().pollInterval(Duration.ofMillis(300)).until(() -> {
            long polled = scenario.polled();
            boolean still = polled == before[0];
            before[0] = polled;
            return still;
        });
    }

    @ParameterizedTest
    @EnumSource(names = {"KEY", "PARTITION"})
    void oneHangingKeyWithThousandsBehindItDoesNotStopOtherPartitions(Ordering ordering) {
        Scenario.Builder builder = scenario("one-key-" + ordering, 3, ordering);
        try (Scenario scenario = builder.prepare()) {
            scenario.send(0, "hot", "hang");
            for (int i = 0; i < MANY; i++) {
                scenario.send(0, "hot", "behind");
            }
            scenario.flush();
            scenario.startApplication(builder);
            awaitTheyStand(scenario, 200);
            goodOnesAreHandled(scenario, 1, 2);
            release.countDown();
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.handledCount() == MANY + 1 + 900);
        }
    }

    @ParameterizedTest
    @EnumSource
    void thousandsThatFailInOnePartitionDoNotStopOthers(Ordering ordering) {
        Scenario.Builder builder = scenario("fail-" + ordering, 3, ordering);
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < MANY; i++) {
                scenario.send(0, "key " + i, "fail");
            }
            scenario.flush();
            scenario.startApplication(builder);
            awaitTheyStand(scenario, 200);
            goodOnesAreHandled(scenario, 1, 2);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"KEY", "PARTITION"})
    void keysThatHangInTwoPartitionsDoNotStopTheThird(Ordering ordering) {
        Scenario.Builder builder = scenario("two-keys-" + ordering, 3, ordering);
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < MANY; i++) {
                scenario.send(0, "hot", i == 0 ? "hang" : "behind");
                scenario.send(1, "hot", i == 0 ? "hang" : "behind");
                scenario.send(2, "key " + i % 50, "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(15)).until(() -> scenario.handledCount() == MANY);
            assertThat(begun).hasValue(2);
            if (ordering == Ordering.KEY) {
                awaitTheyStand(scenario, 400);
                goodOnesAreHandled(scenario, 2);
            }
            int before = scenario.handledCount();
            release.countDown();
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.handledCount() == 2 * MANY + before);
        }
    }

    @Test
    void threeBadPartitionsDoNotStopTheFourthWhichHasRecords() {
        Scenario.Builder builder = scenario("three", 4, Ordering.KEY);
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < MANY; i++) {
                scenario.send(0, "key " + i, "fail");
                scenario.send(1, "key " + i, "fail");
                scenario.send(2, "hot", i == 0 ? "hang" : "behind");
                scenario.send(3, "key " + i % 50, "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(15)).until(() -> scenario.handledCount() == MANY);
            assertThat(scenario.handled()).allMatch(record -> record.partition() == 3);
            goodOnesAreHandled(scenario, 3);
            release.countDown();
        }
    }

    @Test
    void recordsThatHangTogetherLeavePlacesToOtherPartitionsWithRecords() {
        Scenario.Builder builder =
                scenario("hang", 3, Ordering.UNORDERED).listener("max-in-flight=100", "max-concurrency=100");
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < 300; i++) {
                scenario.send(0, "key " + i, "hang");
                scenario.send(1 + i % 2, "key " + i, "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(15)).until(() -> scenario.handledCount() == 300);
            release.countDown();
            await().atMost(Duration.ofSeconds(15)).until(() -> scenario.handledCount() == 600);
        }
    }

    @Test
    void aRecordThatHangsAmongQuickOnesDoesNotStopOtherPartitions() {
        quick = true;
        Scenario.Builder builder = scenario("quick", 3, Ordering.KEY);
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < 20_000; i++) {
                scenario.send(i % 3, "key " + i % 1000, "good");
            }
            scenario.send(0, "hot", "hang");
            for (int i = 0; i < 20_000; i++) {
                scenario.send(0, "hot", "behind");
                scenario.send(1 + i % 2, "key " + i % 1000, "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.handledCount() >= 40_000);
            release.countDown();
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.handledCount() == 60_001);
        }
    }

    /** With one partition there is nobody to leave room for: only the limit itself ends what can be polled past a hanging key. */
    @Test
    void otherKeysOfALonePartitionGoOnAsLongAsThereIsRoomForAPoll() {
        Scenario.Builder builder = scenario("lone", 1, Ordering.KEY);
        try (Scenario scenario = builder.prepare()) {
            scenario.send(0, "hot", "hang");
            for (int i = 0; i < 700; i++) {
                scenario.send(0, "hot", "behind");
            }
            scenario.flush();
            scenario.startApplication(builder);
            awaitTheyStand(scenario, 701);
            goodOnesAreHandled(scenario, 0);
            release.countDown();
            await().atMost(Duration.ofSeconds(20)).until(() -> scenario.handledCount() == 701 + 900);
        }
    }

    /** The others have records all the time, so that their turn never ends. */
    @Tag("long")
    @ParameterizedTest
    @CsvSource({"250, 150", "50, 400", "50, 600"})
    void otherKeysOfThePartitionGoOnWhileTheOthersHaveRecordsAllTheTime(int poll, int behind) {
        Scenario.Builder builder = scenario("own-keys-" + poll, 3, Ordering.KEY)
                .consumer("max.poll.records=" + poll)
                .handler(record -> {
                    handle(record);
                    if (record.partition() > 0) {
                        Thread.sleep(10);
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.send(0, "hot", "hang");
            for (int i = 0; i < behind; i++) {
                scenario.send(0, "hot", "behind");
            }
            for (int i = 0; i < 80_000; i++) {
                scenario.send(1 + i % 2, "key " + i % 1000, "backlog");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().until(() -> scenario.handledCount() > 1000);
            for (int i = 0; i < 300; i++) {
                scenario.send(0, "key " + i % 50, "good");
            }
            scenario.flush();
            await().atMost(Duration.ofSeconds(40))
                    .until(() -> scenario.handled().stream()
                                    .filter(record -> record.value().equals("good"))
                                    .count()
                            == 300);
            assertThat(scenario.handled())
                    .filteredOn(record -> record.value().equals("backlog"))
                    .hasSizeLessThan(80_000);
            release.countDown();
        }
    }

    /** What stands still is below the low watermark, but not with the few records that take long in another partition. */
    @Test
    void aFullListenerDoesNotWaitForWhatStandsStillBesideOthersThatTakeLong() {
        Scenario.Builder builder = scenario("beside-long-ones", 3, Ordering.KEY)
                .consumer("max.poll.records=50")
                .listener("max-concurrency=32")
                .handler(record -> {
                    handle(record);
                    if (record.partition() == 2) {
                        Thread.sleep(10);
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.send(0, "hot", "hang");
            for (int i = 0; i < 489; i++) {
                scenario.send(0, "hot", "behind");
            }
            for (int i = 0; i < 11; i++) {
                scenario.send(1, "long " + i, "hang");
            }
            for (int i = 0; i < MANY; i++) {
                scenario.send(2, "key " + i, "good");
            }
            scenario.flush();
            scenario.startApplication(builder);
            await().atMost(Duration.ofSeconds(30)).until(() -> scenario.handledCount() == MANY);
        } finally {
            release.countDown();
        }
    }

    /** All others are in the way, so there is nobody for whom it would have to leave room. */
    @Test
    void theOnlyPartitionThatIsNotInTheWayLeavesNoRoomToItself() {
        CountDownLatch fail = new CountDownLatch(1);
        Scenario.Builder builder = scenario("only-good", 2, Ordering.UNORDERED)
                .listener("max-concurrency=200")
                .handler(record -> {
                    if (record.value().startsWith("fail")) {
                        fail.await();
                    }
                    handle(record);
                });
        try (Scenario scenario = builder.prepare()) {
            for (int i = 0; i < 600; i++) {
                scenario.send(0, "key " + i, "fail");
            }
            scenario.flush();
            scenario.startApplication(builder);
            awaitTheyStand(scenario, 450, 0);
            fail.countDown();
            await().until(() -> begun.get() >= 450);
            int begunBefore = begun.get();
            for (int i = 0; i < 70; i++) {
                scenario.send(1, "long " + i, "hang");
            }
            scenario.flush();
            await().until(() -> begun.get() >= begunBefore + 70);
            goodOnesAreHandled(scenario, 1);
        } finally {
            fail.countDown();
            release.countDown();
        }
    }

    /** The last partition is good. Nobody else has records when the others turn out to be bad, one after the other. */
    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "PARTITION, hang, 1, 3, 1000",
        "PARTITION, hang, 2, 4, 1000",
        "PARTITION, hang, 1, 5, 50",
        "KEY, hang, 1, 3, 1000",
        "KEY, hang, 2, 3, 1000",
        "KEY, fail, 1, 3, 1000",
        "UNORDERED, fail, 1, 3, 1000"
    })
    void badPartitionsOneAfterTheOtherLeaveRoomForOneThatWasIdle(
            Ordering ordering, String how, int consumers, int partitions, int limit) {
        String id = String.join("-", "idle", ordering.name(), how, "" + consumers, "" + limit);
        Scenario.Builder builder = scenario(id, partitions, ordering)
                .listener("max-in-flight=" + limit)
                .property("spring.kafka.listener.concurrency=" + consumers);
        try (Scenario scenario = builder.start()) {
            for (int partition = 0; partition < partitions - 1; partition++) {
                int before = scenario.handledCount();
                int begunBefore = begun.get();
                for (int i = 0; i < 100; i++) {
                    scenario.send(partition, "key " + i % 50, "good");
                }
                scenario.flush();
                await().until(() -> scenario.handledCount() == before + 100);
                scenario.send(partition, "hot", how);
                scenario.flush();
                await().until(() -> begun.get() > begunBefore);
                for (int i = 0; i < MANY; i++) {
                    boolean hangs = how.equals("hang");
                    scenario.send(partition, hangs ? "hot" : "key " + i, hangs ? "behind" : how);
                }
                scenario.flush();
                awaitTheyStand(scenario, 2);
            }
            goodOnesAreHandled(scenario, partitions - 1);
            assertThat(scenario.container().getInFlight()).isLessThanOrEqualTo(limit);
        } finally {
            release.countDown();
        }
    }
}
