package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.Scenario;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.event.ListenerContainerIdleEvent;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Who seeks, and what of what is in work a seek leaves alone. */
@EmbeddedKafka(partitions = 1)
class SeekSourcesIT {

    private static String brokers;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        brokers = broker.getBrokersAsString();
    }

    private static List<Long> offsets(Scenario scenario) {
        return scenario.handled().stream().map(ConsumerRecord::offset).toList();
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    /** Goes back to before the record that has failed. */
    private static final class GoingBack implements CommonErrorHandler {

        @Override
        public boolean seeksAfterHandling() {
            return true;
        }

        @Override
        public void handleRemaining(
                Exception exception,
                List<ConsumerRecord<?, ?>> records,
                Consumer<?, ?> consumer,
                MessageListenerContainer container) {
            ConsumerRecord<?, ?> failed = records.get(0);
            consumer.seek(new TopicPartition(failed.topic(), failed.partition()), failed.offset() - 5);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"partition", "key", "unordered"})
    void anErrorHandlerMaySeekToAnotherPlaceThanTheFailedRecord(String ordering) {
        AtomicBoolean failed = new AtomicBoolean();
        List<Long> handled = new CopyOnWriteArrayList<>();
        List<Long> handledBefore = new CopyOnWriteArrayList<>();
        Scenario.Builder builder = Scenario.of(brokers, "going-back-" + ordering)
                .listener("ordering=" + ordering, "commit-interval=50ms", "max-concurrency=1")
                .beans(context -> context.registerBean(GoingBack.class))
                .handler(record -> {
                    if (record.offset() == 10 && failed.compareAndSet(false, true)) {
                        handledBefore.addAll(handled);
                        throw new IllegalStateException("the first time");
                    }
                    handled.add(record.offset());
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 20);
            scenario.startApplication(builder);
            await().until(() -> scenario.committed(0) == 20);
            assertThat(handled).containsAll(range(0, 5));
            // All from the fifth before it on come again, whether they had been handled by then or not; in other orders
            // than by partition some may be handled before the seek has taken effect.
            assertThat(range(5, 20))
                    .allSatisfy(offset -> assertThat(Collections.frequency(handled, offset))
                            .as("how often %s was handled", offset)
                            .isBetween(1 + Collections.frequency(handledBefore, offset), 2));
            await().until(() -> scenario.container().getInFlight() == 0);
        }
    }

    @Test
    void whatWaitsInABackOffBelowTheTargetIsLeftAlone() {
        AtomicInteger attempts = new AtomicInteger();
        Queue<Long> moments = new ConcurrentLinkedQueue<>();
        Scenario.Builder builder = Scenario.of(brokers, "back-off")
                .listener("ordering=unordered", "commit-interval=50ms")
                .beans(context -> context.registerBean(
                        DefaultErrorHandler.class, () -> new DefaultErrorHandler(new FixedBackOff(1500, 1))))
                .handler(record -> {
                    if (record.offset() == 3) {
                        moments.add(System.nanoTime());
                        if (attempts.incrementAndGet() == 1) {
                            throw new IllegalStateException("the first time");
                        }
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 10);
            scenario.startApplication(builder);
            await().until(() -> attempts.get() == 1 && scenario.handledCount() == 9);
            scenario.seek(0, 5);
            await().until(() -> scenario.handledCount() == 14);
            assertThat(scenario.committed(0)).isLessThanOrEqualTo(3);
            await().until(() -> scenario.committed(0) == 10);
            assertThat(attempts).hasValue(2);
            assertThat(Duration.ofNanos(moments.poll() - moments.poll()).negated())
                    .isGreaterThanOrEqualTo(Duration.ofMillis(1400));
        }
    }

    @Test
    void whatWaitsInABackOffPastTheTargetComesAgainAtOnce() {
        AtomicInteger attempts = new AtomicInteger();
        Scenario.Builder builder = Scenario.of(brokers, "back-off-past")
                .listener("ordering=partition", "commit-interval=50ms")
                .beans(context -> context.registerBean(
                        DefaultErrorHandler.class, () -> new DefaultErrorHandler(new FixedBackOff(600_000, 1))))
                .handler(record -> {
                    if (record.offset() == 7 && attempts.incrementAndGet() == 1) {
                        throw new IllegalStateException("the first time");
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 10);
            scenario.startApplication(builder);
            await().until(() -> attempts.get() == 1 && scenario.handledCount() == 7);
            scenario.seek(0, 5);
            await().until(() -> scenario.committed(0) == 10);
            assertThat(offsets(scenario)).containsExactly(0L, 1L, 2L, 3L, 4L, 5L, 6L, 5L, 6L, 7L, 8L, 9L);
        }
    }

    /** Seeks when an idle container says so. */
    private static final class OnEvent implements ApplicationListener<ListenerContainerIdleEvent> {

        private final AtomicBoolean armed = new AtomicBoolean();

        @Override
        public void onApplicationEvent(ListenerContainerIdleEvent event) {
            Consumer<?, ?> consumer = event.getConsumer();
            if (armed.compareAndSet(true, false)) {
                consumer.assignment().forEach(partition -> consumer.seek(partition, consumer.position(partition) - 3));
            }
        }
    }

    @Test
    void anEventListenerMaySeek() {
        OnEvent listener = new OnEvent();
        Scenario.Builder builder = Scenario.of(brokers, "idle-event")
                .listener("commit-interval=50ms")
                .property("spring.kafka.listener.idle-event-interval=100ms")
                .property("spring.kafka.listener.poll-timeout=50ms")
                .beans(context -> context.registerBean(OnEvent.class, () -> listener));
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 20);
            scenario.startApplication(builder);
            await().until(() -> scenario.committed(0) == 20);
            listener.armed.set(true);
            scenario.awaitHandled(23);
            assertThat(offsets(scenario).subList(20, 23)).containsExactly(17L, 18L, 19L);
            await().until(() -> scenario.snapshot(0).frontier() == 20 && scenario.committed(0) == 20);
        }
    }

    /** Begins with the fifteenth record, and goes back by two from where it stands when it is idle for the first time. */
    static class AssignedAndIdle extends AbstractConsumerSeekAware {

        private final Queue<Long> handled = new ConcurrentLinkedQueue<>();

        private final AtomicBoolean wentBack = new AtomicBoolean();

        @BackpressuredListener(id = "assigned-and-idle", topics = "assigned-and-idle")
        void on(ConsumerRecord<String, String> record) {
            handled.add(record.offset());
        }

        @Override
        public void onPartitionsAssigned(Map<TopicPartition, Long> assignments, ConsumerSeekCallback callback) {
            super.onPartitionsAssigned(assignments, callback);
            assignments.keySet().forEach(partition -> callback.seek(partition.topic(), partition.partition(), 15));
        }

        @Override
        public void onIdleContainer(Map<TopicPartition, Long> assignments, ConsumerSeekCallback callback) {
            if (handled.size() == 5 && wentBack.compareAndSet(false, true)) {
                assignments
                        .keySet()
                        .forEach(
                                partition -> callback.seekRelative(partition.topic(), partition.partition(), -2, true));
            }
        }
    }

    @Test
    void seeksOfTheCallbacksOfAnAssignmentAndOfAnIdleContainerAreMade() {
        try (Scenario topic = topic("assigned-and-idle", 20);
                ConfigurableApplicationContext context = TestApp.start(
                        brokers,
                        List.of(AssignedAndIdle.class),
                        "spring.kafka.listener.idle-event-interval=100ms",
                        "spring.kafka.listener.poll-timeout=50ms")) {
            AssignedAndIdle listener = context.getBean(AssignedAndIdle.class);
            await().until(() -> listener.handled.size() == 7);
            assertThat(listener.handled).containsExactly(15L, 16L, 17L, 18L, 19L, 18L, 19L);
            await().until(() -> topic.committed(0) == 20);
        }
    }

    /** Keeps two acknowledgments, one on each side of the target, and acknowledges all else. */
    static class KeptAcknowledgments extends AbstractConsumerSeekAware {

        private final Map<Long, Queue<Acknowledgment>> kept = new ConcurrentHashMap<>();

        private final Queue<Long> handled = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(
                id = "kept-acknowledgments",
                topics = "kept-acknowledgments",
                ordering = Ordering.UNORDERED)
        void on(ConsumerRecord<String, String> record, Acknowledgment acknowledgment) {
            handled.add(record.offset());
            if (record.offset() == 2 || record.offset() == 7) {
                kept.computeIfAbsent(record.offset(), offset -> new ConcurrentLinkedQueue<>())
                        .add(acknowledgment);
            } else {
                acknowledgment.acknowledge();
            }
        }

        void seek(long offset) {
            getSeekCallbacksFor(new TopicPartition("kept-acknowledgments", 0))
                    .forEach(callback -> callback.seek("kept-acknowledgments", 0, offset));
        }
    }

    @Test
    void onlyWhatIsNotAcknowledgedPastTheTargetIsGivenUp() {
        try (Scenario topic = topic("kept-acknowledgments", 10);
                ConfigurableApplicationContext context = TestApp.start(brokers, List.of(KeptAcknowledgments.class))) {
            KeptAcknowledgments listener = context.getBean(KeptAcknowledgments.class);
            await().until(() -> listener.handled.size() == 10);
            listener.seek(5);
            await().until(() ->
                    listener.handled.size() == 15 && listener.kept.get(7L).size() == 2);
            listener.kept.get(7L).forEach(Acknowledgment::acknowledge);
            await().until(() -> topic.committed(0) == 2);
            assertThat(listener.kept.get(2L)).hasSize(1);
            listener.kept.get(2L).forEach(Acknowledgment::acknowledge);
            await().until(() -> topic.committed(0) == 10);
        }
    }

    /** A topic with records, whose listener is another than the scenario's. */
    private static Scenario topic(String name, int records) {
        Scenario scenario = Scenario.of(brokers, name).topic(name, 1).prepare();
        scenario.sendTo(0, records);
        return scenario;
    }
}
