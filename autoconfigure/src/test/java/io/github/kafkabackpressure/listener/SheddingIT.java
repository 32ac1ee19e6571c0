package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.test.Scenario;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ApplicationListener;
import org.springframework.context.PayloadApplicationEvent;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** What a listener drops, and what it keeps, against a real broker. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class SheddingIT {

    private final String brokers;

    private final CountDownLatch latch = new CountDownLatch(1);

    SheddingIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    /** A3. */
    @ParameterizedTest
    @ValueSource(strings = {"partition", "key", "unordered"})
    void droppingTheOldestKeepsTheNewestAndWhatWasDroppedDoesNotComeBack(String ordering) {
        String id = "a3-" + ordering;
        Scenario.Builder builder = held(id, "ordering=" + ordering, "overflow=drop-oldest", "max-in-flight=11");
        try (Scenario scenario = builder.start()) {
            send(scenario, 0, 100);
            awaitPolled(scenario, 100);
            assertThat(scenario.container().getInFlight()).isEqualTo(11);
            latch.countDown();
            scenario.awaitHandled(11);

            assertThat(values(scenario))
                    .containsExactly("0", "90", "91", "92", "93", "94", "95", "96", "97", "98", "99");
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.MAX_IN_FLIGHT, 89L));
            assertThat(scenario.snapshot().recent().droppedPerSecond()).isPositive();
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(100));
            assertThat(scenario.container().getInFlight()).isZero();

            scenario.container().stop();
            scenario.container().start();
            send(scenario, 100, 101);
            scenario.awaitHandled(12);
            assertThat(values(scenario)).endsWith("99", "100");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"partition", "key", "unordered"})
    void droppingTheNewestKeepsWhatIsThere(String ordering) {
        try (Scenario scenario = held(
                        "newest-" + ordering, "ordering=" + ordering, "overflow=drop-newest", "max-in-flight=11")
                .start()) {
            send(scenario, 0, 100);
            awaitPolled(scenario, 100);
            latch.countDown();
            scenario.awaitHandled(11);

            assertThat(values(scenario)).containsExactlyElementsOf(range(0, 11));
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.MAX_IN_FLIGHT, 89L));
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(100));
        }
    }

    @Test
    void droppingByChanceKeepsAsManyAsThereIsRoomFor() {
        try (Scenario scenario = held("random", "ordering=unordered", "overflow=drop-random", "max-in-flight=21")
                .start()) {
            send(scenario, 0, 200);
            awaitPolled(scenario, 200);
            latch.countDown();
            scenario.awaitHandled(21);

            assertThat(values(scenario)).contains("0", "199").doesNotHaveDuplicates();
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.MAX_IN_FLIGHT, 179L));
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(200));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"partition", "key"})
    void ofEachKeyOnlyTheNewestWaitingRecordIsHandled(String ordering) {
        try (Scenario scenario = held(
                        "conflate-" + ordering, "ordering=" + ordering, "overflow=conflate", "max-in-flight=40")
                .start()) {
            scenario.send(0, "first", "0");
            for (int i = 1; i <= 100; i++) {
                scenario.send(0, "k" + i % 5, String.valueOf(i));
            }
            scenario.send(0, null, "null 1");
            scenario.send(0, null, "null 2");
            scenario.flush();
            awaitPolled(scenario, 103);
            latch.countDown();
            scenario.awaitHandled(8);

            assertThat(values(scenario)).containsExactly("0", "96", "97", "98", "99", "100", "null 1", "null 2");
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.NEWER_RECORD, 95L));
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(103));
        }
    }

    @Test
    void conflatingGoesOnWhileTheListenerIsFull() {
        try (Scenario scenario = held("conflate-full", "ordering=partition", "overflow=conflate", "max-in-flight=6")
                .start()) {
            scenario.send(0, "first", "0");
            for (int i = 1; i <= 100; i++) {
                scenario.send(0, "k" + i % 5, String.valueOf(i));
            }
            scenario.flush();
            awaitPolled(scenario, 101);
            assertThat(scenario.container().getInFlight()).isEqualTo(6);
            latch.countDown();
            scenario.awaitHandled(6);

            assertThat(values(scenario)).containsExactly("0", "96", "97", "98", "99", "100");
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(101));
        }
    }

    @Test
    void moreKeysThanThereIsRoomForPauseTheListenerAndNoneIsLost() {
        try (Scenario scenario = held(
                        "conflate-keys", "ordering=key", "overflow=conflate", "max-in-flight=8", "max-concurrency=1")
                .start()) {
            for (int i = 0; i < 100; i++) {
                scenario.send(0, "k" + i, String.valueOf(i));
            }
            scenario.flush();
            await().until(() -> scenario.snapshot().pausedPartitions() == 1);
            assertThat(scenario.container().getInFlight()).isLessThanOrEqualTo(8);
            assertThat(scenario.polled()).isLessThanOrEqualTo(10);
            latch.countDown();
            scenario.awaitHandled(100);

            assertThat(scenario.container().getDropped()).isEmpty();
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(100));
            assertThat(scenario.container().getInFlight()).isZero();
        }
    }

    @Test
    void aRecordThatIsTooOldWhenItsTurnComesIsDropped() {
        try (Scenario scenario = held("max-age", "ordering=partition", "max-age=1s", "max-in-flight=200")
                .start()) {
            send(scenario, 0, 100);
            awaitPolled(scenario, 100);
            long sent = System.currentTimeMillis();
            await().until(() -> System.currentTimeMillis() - sent > 1000);
            send(scenario, 100, 110);
            awaitPolled(scenario, 110);
            latch.countDown();
            scenario.awaitHandled(11);

            assertThat(values(scenario))
                    .containsExactlyElementsOf(Stream.concat(Stream.of("0"), range(100, 110).stream())
                            .toList());
            assertThat(scenario.container().getDropped()).isEqualTo(Map.of(DropReason.MAX_AGE, 99L));
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(110));
        }
    }

    /** The listener's counterpart of A7. */
    @Test
    void theLayersCountEachRecordOnce() {
        try (Scenario scenario = Scenario.of(brokers, "a7")
                .handler(record -> Scenario.hang(latch))
                .listener(
                        "ordering=unordered",
                        "max-in-flight=10",
                        "soft-limit=5",
                        "shed-priority=3",
                        "overflow=drop-newest",
                        "rate-limit.window-records=4",
                        "rate-limit.window=1h",
                        "priority=T(Integer).parseInt(key)")
                .start()) {
            int value = 0;
            for (int[] priorityAndCount : new int[][] {{5, 4}, {9, 1}, {1, 5}, {5, 15}, {9, 1}}) {
                for (int i = 0; i < priorityAndCount[1]; i++) {
                    scenario.send(0, String.valueOf(priorityAndCount[0]), String.valueOf(value++));
                }
            }
            scenario.flush();
            awaitPolled(scenario, 26);

            assertThat(scenario.container().getInFlight()).isEqualTo(10);
            assertThat(scenario.container().getDropped())
                    .isEqualTo(Map.of(DropReason.SOFT_LIMIT, 5L, DropReason.MAX_IN_FLIGHT, 11L));
            await().untilAsserted(() -> assertThat(scenario.running())
                    .as("four by their token, one by its priority")
                    .isEqualTo(5));
            assertThat(scenario.snapshot().queued()).isEqualTo(5);
            latch.countDown();
            scenario.awaitHandled(5);
            await().untilAsserted(
                            () -> assertThat(scenario.container().getInFlight()).isEqualTo(5));
            assertThat(scenario.container().getDropped())
                    .isEqualTo(Map.of(DropReason.SOFT_LIMIT, 5L, DropReason.MAX_IN_FLIGHT, 11L));
        }
    }

    @Test
    void higherPrioritiesAreHandledFirst() {
        try (Scenario scenario = held(
                        "priorities",
                        "ordering=unordered",
                        "max-in-flight=100",
                        "max-concurrency=1",
                        "priority=T(Integer).parseInt(key)")
                .start()) {
            scenario.send(0, "5", "first");
            scenario.flush();
            await().until(() -> scenario.running() == 1);
            for (int i = 0; i < 20; i++) {
                scenario.send(0, String.valueOf(i % 10), String.valueOf(i % 10));
            }
            scenario.flush();
            awaitPolled(scenario, 21);
            latch.countDown();
            scenario.awaitHandled(21);

            List<String> inOrder = new ArrayList<>(List.of("first"));
            for (int priority = 9; priority >= 0; priority--) {
                inOrder.add(String.valueOf(priority));
                inOrder.add(String.valueOf(priority));
            }
            assertThat(values(scenario)).containsExactlyElementsOf(inOrder);
        }
    }

    @Test
    void anEpisodeIsToldOnceWithItsCounts() {
        Queue<Object> events = new ConcurrentLinkedQueue<>();
        ApplicationListener<PayloadApplicationEvent<?>> eventListener = event -> events.add(event.getPayload());
        Scenario.Builder builder = held("episodes", "overflow=drop-oldest", "max-in-flight=10")
                .beans(beans -> beans.addApplicationListener(eventListener));
        try (Scenario scenario = builder.start()) {
            send(scenario, 0, 100);
            awaitPolled(scenario, 100);
            await().until(() -> scenario.container().getPressure() == BufferState.FULL);
            latch.countDown();
            scenario.awaitHandled(10);
            await().until(() -> scenario.container().getPressure() == BufferState.NORMAL);
            scenario.container().stop();

            assertThat(events.stream()
                            .filter(RecordsDroppedEvent.class::isInstance)
                            .map(RecordsDroppedEvent.class::cast)
                            .map(RecordsDroppedEvent::dropped))
                    .containsExactly(Map.of(DropReason.MAX_IN_FLIGHT, 90L));
            List<BufferState> states = events.stream()
                    .filter(ListenerPressureEvent.class::isInstance)
                    .map(event -> ((ListenerPressureEvent) event).state())
                    .toList();
            assertThat(states).endsWith(BufferState.FULL, BufferState.NORMAL).doesNotHaveDuplicates();
        }
    }

    /** The first record's handling, and with it that of all later ones, waits for the latch. */
    private Scenario.Builder held(String id, String... settings) {
        return Scenario.of(brokers, id)
                .listener("max-concurrency=1")
                .listener(settings)
                .handler(record -> Scenario.hang(latch));
    }

    private static void send(Scenario scenario, int from, int to) {
        for (int i = from; i < to; i++) {
            scenario.send(0, "k" + i, String.valueOf(i));
            if (i == 0) {
                scenario.flush();
                await().until(() -> scenario.running() == 1); // it is not to be dropped
            }
        }
        scenario.flush();
    }

    private static void awaitPolled(Scenario scenario, int records) {
        await().until(() -> scenario.polled() == records && lastPolled(scenario) == records - 1);
    }

    private static long lastPolled(Scenario scenario) {
        ListenerSnapshot.Partition partition = scenario.snapshot(0);
        return partition == null ? -1 : partition.lastPolled();
    }

    private static List<String> values(Scenario scenario) {
        return scenario.handled().stream().map(ConsumerRecord::value).toList();
    }

    private static List<String> range(int from, int to) {
        return IntStream.range(from, to).mapToObj(String::valueOf).toList();
    }

    static Map<String, String> headers(ConsumerRecord<?, ?> record) {
        return Stream.of(record.headers().toArray())
                .collect(Collectors.toMap(Header::key, header -> new String(header.value())));
    }
}
