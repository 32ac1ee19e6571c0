package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.test.Scenario;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordDeserializationException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ApplicationListener;
import org.springframework.kafka.event.ListenerContainerNoLongerIdleEvent;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Between a poll and the workers no record is lost, whatever stands or throws there. */
@EmbeddedKafka(partitions = 1)
class HandOverIT {

    private static String brokers;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        brokers = broker.getBrokersAsString();
    }

    /** Cannot read one value. */
    public static final class Picky implements Deserializer<String> {

        @Override
        public String deserialize(String topic, byte[] data) {
            String value = new String(data, StandardCharsets.UTF_8);
            if (value.equals("100")) {
                throw new SerializationException("not this one");
            }
            return value;
        }
    }

    /** Seeks past what cannot be read, and commits as if all before it were handled. */
    private static final class PassingOver extends DefaultErrorHandler {

        private final AtomicInteger asked = new AtomicInteger();

        @Override
        public void handleOtherException(
                Exception exception, Consumer<?, ?> consumer, MessageListenerContainer container, boolean batch) {
            asked.incrementAndGet();
            if (exception instanceof RecordDeserializationException unreadable) {
                consumer.seek(unreadable.topicPartition(), unreadable.offset() + 1);
                consumer.commitSync();
                consumer.commitSync(
                        Map.of(unreadable.topicPartition(), new OffsetAndMetadata(unreadable.offset() + 1)));
                consumer.commitAsync();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"partition", "key", "unordered"})
    void aSeekPastARecordThatCannotBeReadLosesNoOther(String ordering) {
        String id = "unreadable-" + ordering;
        CountDownLatch release = new CountDownLatch(1);
        PassingOver handler = new PassingOver();
        Scenario.Builder builder = Scenario.of(brokers, id)
                .listener("ordering=" + ordering, "commit-interval=50ms")
                .property("spring.kafka.consumer.value-deserializer=" + Picky.class.getName())
                .beans(context -> context.registerBean(DefaultErrorHandler.class, () -> handler))
                .handler(record -> {
                    if (record.offset() == 7) {
                        release.await();
                    }
                });
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 200);
            scenario.startApplication(builder);
            await().untilAsserted(() -> assertThat(List.of((long) handler.asked.get(), scenario.polled()))
                    .containsExactly(1L, 199L));
            await().until(() ->
                    scenario.committed(0) >= 0 && scenario.snapshot(0).frontier() == 7);
            assertThat(scenario.committed(0)).isLessThanOrEqualTo(7);
            release.countDown();
            scenario.awaitHandled(199);
            await().until(() -> scenario.committed(0) == 200);
            assertThat(scenario.handled())
                    .extracting(ConsumerRecord::offset)
                    .doesNotHaveDuplicates()
                    .doesNotContain(100L);
        }
    }

    /** Leaves the second partition with an empty list in every poll, and turns the records of the first around. */
    public static final class Meddling implements ConsumerInterceptor<Object, Object> {

        @Override
        public ConsumerRecords<Object, Object> onConsume(ConsumerRecords<Object, Object> records) {
            Map<TopicPartition, List<ConsumerRecord<Object, Object>>> left = new HashMap<>();
            for (TopicPartition partition : records.partitions()) {
                List<ConsumerRecord<Object, Object>> turned = new ArrayList<>();
                if (partition.partition() != 1) {
                    records.records(partition).forEach(record -> turned.add(0, record));
                }
                left.put(partition, turned);
            }
            return new ConsumerRecords<>(left, records.nextOffsets());
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

        @Override
        public void configure(Map<String, ?> configuration) {}

        @Override
        public void close() {}
    }

    @ParameterizedTest
    @ValueSource(strings = {"partition", "key", "unordered"})
    void anInterceptorMayLeaveNothingOfAPartitionAndChangeTheOrder(String ordering) {
        String id = "meddling-" + ordering;
        AtomicInteger failed = new AtomicInteger();
        Scenario.Builder builder = Scenario.of(brokers, id)
                .partitions(3)
                .listener("ordering=" + ordering, "commit-interval=50ms")
                .consumer("interceptor.classes=" + Meddling.class.getName())
                .beans(context -> context.registerBean(
                        DefaultErrorHandler.class,
                        () -> new DefaultErrorHandler(
                                (record, exception) -> failed.incrementAndGet(), new FixedBackOff(0, 0))))
                .handler(record -> {});
        try (Scenario scenario = builder.prepare()) {
            scenario.send(300);
            scenario.startApplication(builder);
            scenario.awaitHandled(200);
            await().until(() -> scenario.committed(0) == 100 && scenario.committed(2) == 100);
            // What an interceptor takes out is done with.
            await().until(() -> scenario.committed(1) == 100);
            assertThat(scenario.handledCount()).isEqualTo(200);
            assertThat(failed).hasValue(0);
            if (ordering.equals("partition")) {
                for (int partition : new int[] {0, 2}) {
                    assertThat(scenario.handled())
                            .filteredOn(record -> record.partition() == partition)
                            .extracting(ConsumerRecord::offset)
                            .isSorted();
                }
            }
        }
    }

    /** Throws when the container is not idle any more, which is between a poll and its hand-over. */
    private static final class Throwing implements ApplicationListener<ListenerContainerNoLongerIdleEvent> {

        private final AtomicBoolean thrown = new AtomicBoolean();

        private final Queue<Long> committed = new ConcurrentLinkedQueue<>();

        @Override
        public void onApplicationEvent(ListenerContainerNoLongerIdleEvent event) {
            Consumer<?, ?> consumer = event.getConsumer();
            for (TopicPartition partition : consumer.assignment()) {
                consumer.commitSync();
                consumer.commitSync(Map.of(partition, new OffsetAndMetadata(consumer.position(partition))));
                OffsetAndMetadata offset = consumer.committed(Set.of(partition)).get(partition);
                committed.add(offset == null ? 0 : offset.offset());
            }
            if (thrown.compareAndSet(false, true)) {
                throw new IllegalStateException("between the poll and the hand-over");
            }
        }
    }

    @Test
    void anExceptionBetweenPollAndHandOverLosesNothing() {
        Throwing events = new Throwing();
        Scenario.Builder builder = Scenario.of(brokers, "no-longer-idle")
                .property("spring.kafka.listener.idle-event-interval=100ms")
                .property("spring.kafka.listener.poll-timeout=50ms")
                .beans(context -> context.registerBean(Throwing.class, () -> events));
        AtomicBoolean idle = new AtomicBoolean();
        builder.beans(context -> context.addApplicationListener(event -> {
            if (event instanceof org.springframework.kafka.event.ListenerContainerIdleEvent) {
                idle.set(true);
            }
        }));
        try (Scenario scenario = builder.start()) {
            await().untilTrue(idle);
            scenario.sendTo(0, 10);
            await().untilTrue(events.thrown);
            scenario.awaitHandled(10);
            await().until(() -> scenario.committed(0) == 10);
            assertThat(scenario.handled().stream().map(ConsumerRecord::value).collect(Collectors.toList()))
                    .containsExactlyElementsOf(
                            IntStream.range(0, 10).mapToObj(String::valueOf).toList());
            assertThat(events.committed.peek()).isZero();
        }
    }
}
