package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.Scenario;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Handlers so quick that records come in slices, and what happens when one of the records is not quick or fails. */
@EmbeddedKafka(partitions = 1)
class SlicesIT {

    private static final int RECORDS = 40_000;

    private static final int PARTITIONS = 4;

    private final String brokers;

    /** How often a record was seen that came in a slice; only some are looked at. */
    private final AtomicInteger seenInSlices = new AtomicInteger();

    SlicesIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private void look(int value) {
        if (value % 50 == 0 && StackWalker.getInstance().walk(SlicesIT::isInSlice)) {
            seenInSlices.incrementAndGet();
        }
    }

    private static boolean isInSlice(Stream<StackWalker.StackFrame> frames) {
        return frames.anyMatch(frame -> frame.getClassName().endsWith("SliceHandler"));
    }

    private static Object lane(Ordering ordering, ConsumerRecord<String, String> record) {
        return record.partition() + (ordering == Ordering.KEY ? record.key() : "");
    }

    @ParameterizedTest
    @EnumSource
    void eachRecordOnceAndInOrderThoughSomeFailAndSomeHang(Ordering ordering) {
        String id = "slices-" + ordering.name().toLowerCase(Locale.ROOT);
        Set<String> failed = ConcurrentHashMap.newKeySet();
        try (Scenario scenario = Scenario.of(brokers, id)
                .partitions(PARTITIONS)
                .listener("ordering=" + ordering, "max-in-flight=500")
                .handler(record -> {
                    int value = Integer.parseInt(record.value());
                    look(value);
                    if (value % 997 == 0 && failed.add(record.value())) {
                        throw new IllegalStateException("fails once");
                    }
                    if (value % 5000 == 1) {
                        Thread.sleep(20);
                    }
                })
                .start()) {
            scenario.send(RECORDS);
            scenario.awaitHandled(RECORDS);

            await().untilAsserted(() -> assertThat(scenario.committedSum()).isEqualTo(RECORDS));
            assertThat(scenario.handledCount()).isEqualTo(RECORDS);
            assertThat(new HashSet<>(scenario.handledPositions())).hasSize(RECORDS);
            assertThat(failed).hasSize(RECORDS / 997 + 1);
            if (ordering != Ordering.UNORDERED) {
                Map<Object, Long> last = new HashMap<>();
                for (ConsumerRecord<String, String> record : scenario.handled()) {
                    Long before = last.put(lane(ordering, record), record.offset());
                    assertThat(before == null || before < record.offset()).isTrue();
                }
            }
            assertThat(seenInSlices.get()).isPositive();
            await().untilAsserted(
                            () -> assertThat(scenario.snapshot().inFlight()).isZero());
        }
    }

    /** Most come in slices, once the JIT compiler has got so far; nobody may be able to tell which. */
    @Test
    void timersAndHistogramsCountEachOfManyQuickRecordsOnce() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Set<String> failed = ConcurrentHashMap.newKeySet();
        Duration slow = Duration.ofMillis(20);
        try (Scenario scenario = Scenario.of(brokers, "slices-timed")
                .partitions(PARTITIONS)
                .listener("ordering=key", "max-in-flight=500")
                .property("kafka.backpressure.metrics.histograms=true")
                .beans(context -> context.registerBean(MeterRegistry.class, () -> registry))
                .handler(record -> {
                    int value = Integer.parseInt(record.value());
                    if (value % 9973 == 0 && failed.add(record.value())) {
                        throw new IllegalStateException("fails once");
                    }
                    if (value % 5000 == 1) {
                        Thread.sleep(slow.toMillis());
                    }
                })
                .start()) {
            scenario.send(RECORDS);
            scenario.awaitHandled(RECORDS);

            await().untilAsserted(
                            () -> assertThat(scenario.snapshot().inFlight()).isZero());
            Duration slept = slow.multipliedBy(RECORDS / 5000);
            for (Timer timer : List.of(
                    registry.get("kafka.backpressure.listener.handling")
                            .tag("outcome", "handled")
                            .timer(),
                    registry.get("spring.kafka.listener")
                            .tag("result", "success")
                            .timer())) {
                await().untilAsserted(() -> assertThat(timer.count()).isEqualTo(RECORDS));
                assertThat(timer.totalTime(TimeUnit.MILLISECONDS)).isGreaterThanOrEqualTo(slept.toMillis());
            }
            assertThat(registry.get("kafka.backpressure.listener.queue.wait")
                            .timer()
                            .count())
                    .isEqualTo(RECORDS);
            assertThat(registry.get("spring.kafka.listener")
                            .tags("result", "failure", "exception", "IllegalStateException")
                            .timer()
                            .count())
                    .isEqualTo(failed.size());
        }
    }

    @Test
    void aRecordThatHangsAmongQuickOnesHoldsUpNeitherOtherKeysNorTheirCommits() {
        CountDownLatch release = new CountDownLatch(1);
        int hanging = 38_000; // those of its key behind it fit into the limit
        try (Scenario scenario = Scenario.of(brokers, "slices-hang")
                .partitions(2)
                .listener("ordering=KEY", "max-in-flight=500", "commit-interval=100ms")
                .handler(record -> {
                    look(Integer.parseInt(record.value()));
                    if (record.value().equals(String.valueOf(hanging))) {
                        Scenario.hang(release);
                    }
                })
                .start()) {
            scenario.send(RECORDS);

            await().untilAsserted(
                            () -> assertThat(scenario.snapshot().inFlight()).isPositive());
            long offset = hanging / 2;
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(offset));
            await().untilAsserted(() -> assertThat(scenario.committed(1)).isEqualTo(RECORDS / 2));
            await().until(() -> scenario.handledCount() >= RECORDS - (RECORDS - hanging) / 10);
            assertThat(seenInSlices.get()).isPositive();

            release.countDown();
            scenario.awaitHandled(RECORDS);
            await().untilAsserted(() -> assertThat(scenario.committedSum()).isEqualTo(RECORDS));
            assertThat(new HashSet<>(scenario.handledPositions())).hasSize(RECORDS);
        } finally {
            release.countDown();
        }
    }

    /** Much is polled before a record is known to hang: its partition must not have taken all the room by then. */
    @Test
    void aRecordThatHangsAmongQuickOnesLeavesOtherPartitionsTheirShare() {
        CountDownLatch release = new CountDownLatch(1);
        int each = 100_000; // enough to become quick long before the end, even in a new JVM
        int quickBefore = 10_000;
        AtomicInteger ofOther = new AtomicInteger();
        AtomicInteger ofOtherAtHang = new AtomicInteger(-1);
        AtomicInteger hanging = new AtomicInteger(-1); // the first after the quick ones that is seen in a slice
        Scenario.Builder builder = Scenario.of(brokers, "slices-shares")
                .partitions(2)
                .listener("ordering=PARTITION", "max-in-flight=200")
                .handler(record -> {
                    if (record.partition() == 1) {
                        ofOther.incrementAndGet();
                    } else if (record.offset() >= quickBefore
                            && record.offset() % 100 == 0 // a look takes longer than a quick record
                            && hanging.get() < 0
                            && StackWalker.getInstance().walk(SlicesIT::isInSlice)) {
                        ofOtherAtHang.set(ofOther.get());
                        hanging.set((int) record.offset());
                        Scenario.hang(release);
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, each);
            scenario.sendTo(1, each);
            scenario.startApplication(builder);

            await().until(() -> hanging.get() >= quickBefore);
            scenario.awaitHandled(hanging.get() + each);
            assertThat(ofOtherAtHang.get()).isLessThan(each);

            release.countDown();
            scenario.awaitHandled(2 * each);
        } finally {
            release.countDown();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStopAmongQuickRecordsCommitsWhatIsHandled(Ordering ordering) {
        Set<String> handled = ConcurrentHashMap.newKeySet();
        AtomicInteger again = new AtomicInteger();
        Scenario.Builder builder = Scenario.of(
                        brokers, "slices-stop-" + ordering.name().toLowerCase(Locale.ROOT))
                .partitions(PARTITIONS)
                .listener("ordering=" + ordering, "max-in-flight=500")
                .handler(record -> {
                    look(Integer.parseInt(record.value()));
                    if (!handled.add(record.value())) {
                        again.incrementAndGet();
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.send(RECORDS);
            int target = 0;
            for (int stop = 0; stop < 3; stop++) {
                scenario.startApplication(builder);
                target += RECORDS / 8;
                int wanted = target;
                await().pollInterval(Duration.ofMillis(1)).until(() -> handled.size() >= wanted);
                scenario.closeApplication();
                assertThat(scenario.committedSum()).isPositive().isLessThanOrEqualTo(handled.size());
                if (ordering == Ordering.PARTITION) {
                    assertThat(scenario.committedSum()).isEqualTo(handled.size());
                }
            }
            scenario.startApplication(builder);
            await().until(() -> handled.size() == RECORDS);
            await().untilAsserted(() -> assertThat(scenario.committedSum()).isEqualTo(RECORDS));
            if (ordering == Ordering.PARTITION) {
                assertThat(again).hasValue(0);
            }
            assertThat(seenInSlices.get()).isPositive();
        }
    }
}
