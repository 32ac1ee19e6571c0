package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.Scenario;
import io.github.kafkabackpressure.test.TestApp;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** What users may do at awkward moments. */
@EmbeddedKafka(partitions = 1)
class HostileListenersIT {

    private static String brokers;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        brokers = broker.getBrokersAsString();
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    private static Scenario topic(String name, int records) {
        Scenario scenario = Scenario.of(brokers, name).topic(name, 1).prepare();
        scenario.sendTo(0, records);
        return scenario;
    }

    /** Begins with the sixth record; batches that it acknowledges by hand. */
    static class SeekingBatches extends AbstractConsumerSeekAware {

        private final Queue<Long> handled = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "seeking-batches", topics = "seeking-batches", batch = "true")
        void on(List<ConsumerRecord<String, String>> records, Acknowledgment acknowledgment) {
            records.forEach(record -> handled.add(record.offset()));
            acknowledgment.acknowledge();
        }

        @Override
        public void onPartitionsAssigned(Map<TopicPartition, Long> assignments, ConsumerSeekCallback callback) {
            super.onPartitionsAssigned(assignments, callback);
            assignments.keySet().forEach(partition -> {
                callback.seekToEnd(partition.topic(), partition.partition());
                callback.seek(partition.topic(), partition.partition(), 5);
            });
        }
    }

    @Test
    void aSeekAtTheAssignmentHoldsForBatchesThatAreAcknowledgedByHand() {
        try (Scenario topic = topic("seeking-batches", 20);
                ConfigurableApplicationContext context = TestApp.start(
                        brokers, List.of(SeekingBatches.class), "spring.kafka.listener.ack-mode=manual")) {
            await().until(() -> topic.committed(0) == 20);
            assertThat(context.getBean(SeekingBatches.class).handled).containsExactlyElementsOf(range(5, 20));
        }
    }

    /** Takes all records out of a poll. */
    public static final class TakingAll implements ConsumerInterceptor<Object, Object> {

        @Override
        public ConsumerRecords<Object, Object> onConsume(ConsumerRecords<Object, Object> records) {
            return new ConsumerRecords<>(Map.of(), records.nextOffsets());
        }

        @Override
        public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

        @Override
        public void configure(Map<String, ?> configuration) {}

        @Override
        public void close() {}
    }

    @Test
    void aPollOfWhichAnInterceptorLeavesNothingIsCommittedAndHoldsNoRoom() {
        Scenario.Builder builder = Scenario.of(brokers, "taken-all")
                .listener("commit-interval=50ms", "max-in-flight=10")
                .consumer("interceptor.classes=" + TakingAll.class.getName());
        try (Scenario scenario = builder.prepare()) {
            scenario.sendTo(0, 50);
            scenario.startApplication(builder);
            await().until(() -> scenario.committed(0) == 50);
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(scenario.handledCount()).isZero();
        }
    }

    static class Futures {

        private final Queue<CompletableFuture<Void>> made = new ConcurrentLinkedQueue<>();

        private final Queue<Object> recovered = new ConcurrentLinkedQueue<>();

        @Bean
        DefaultErrorHandler errorHandler() {
            return new DefaultErrorHandler(
                    (record, exception) -> recovered.add(record.value()), new FixedBackOff(0, 0));
        }

        @BackpressuredListener(id = "restarted", topics = "restarted", drainTimeout = "15s")
        CompletableFuture<Void> on(String value) {
            CompletableFuture<Void> future = new CompletableFuture<>();
            made.add(future);
            return future;
        }
    }

    @Test
    void aFutureThatFailsAfterARestartBelongsToTheRunThatHasBegunIt() {
        try (Scenario topic = topic("restarted", 1);
                ConfigurableApplicationContext context = TestApp.start(brokers, List.of(Futures.class))) {
            Futures listener = context.getBean(Futures.class);
            await().until(() -> listener.made.size() == 1);
            var container = context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("restarted");
            AtomicBoolean stopped = new AtomicBoolean();
            container.stop(() -> stopped.set(true));
            container.start();
            assertThat(stopped).isFalse();

            listener.made.peek().completeExceptionally(new IllegalStateException("late"));

            await().untilTrue(stopped);
            await().until(() -> topic.committed(0) == 1);
            assertThat(listener.recovered).containsExactly("0");
            assertThat(listener.made).hasSize(1);
        }
    }
}
