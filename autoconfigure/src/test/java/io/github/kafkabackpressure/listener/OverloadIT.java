package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.test.Scenario;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.annotation.BackOff;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Answers to overload together with what else a listener is, against a real broker. */
@EmbeddedKafka(
        partitions = 1,
        brokerProperties = {"offsets.topic.num.partitions=1", "group.initial.rebalance.delay.ms=0"})
class OverloadIT {

    private final String brokers;

    private final CountDownLatch latch = new CountDownLatch(1);

    OverloadIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    @Test
    void aSeekAndARestartInTheMiddleOfItLoseNothing() {
        try (Scenario scenario = Scenario.of(brokers, "sought")
                .listener("ordering=key", "overflow=drop-oldest", "max-in-flight=11", "max-concurrency=1")
                .handler(record -> Scenario.hang(latch))
                .start()) {
            scenario.sendTo(0, 50);
            await().until(() ->
                    scenario.snapshot(0) != null && scenario.snapshot(0).lastPolled() == 49);
            scenario.seek(0, 45);
            await().until(() -> scenario.polled() == 55);
            latch.countDown();
            await().untilAsserted(() -> assertThat(scenario.committed(0)).isEqualTo(50));
            assertThat(scenario.container().getInFlight()).isZero();
            assertThat(scenario.handled().stream().map(ConsumerRecord::offset)).contains(45L, 46L, 47L, 48L, 49L);
        }
    }

    @Test
    void lowerTopicsLeaveTheRoomToHigherOnesButNeverHaveNothing() {
        try (Scenario scenario = Scenario.of(brokers, "worth")
                .topic("worth-high", 1)
                .topic("worth-low", 1)
                .listener(
                        "ordering=unordered",
                        "max-in-flight=40",
                        "max-concurrency=2",
                        "topic-priority.worth-high=9",
                        "topic-priority.worth-low=1")
                .handler(record -> Thread.sleep(4))
                .prepare()) {
            scenario.send(1200); // half of them to each
            scenario.startApplication(Scenario.of(brokers, "worth")
                    .topic("worth-high", 1)
                    .topic("worth-low", 1)
                    .listener(
                            "ordering=unordered",
                            "max-in-flight=40",
                            "max-concurrency=2",
                            "topic-priority.worth-high=9",
                            "topic-priority.worth-low=1"));
            await().until(() -> scenario.snapshot().partitions().stream()
                    .anyMatch(partition -> partition.pauseReason() == PauseReason.TOPIC_PRIORITY));
            scenario.awaitHandled(600);
            long high = scenario.handled().subList(0, 600).stream()
                    .filter(record -> record.topic().equals("worth-high"))
                    .count();
            assertThat(high).isBetween(400L, 600L);
            scenario.awaitHandled(1200);
        }
    }

    /** A listener with retry topics. */
    static final class Retried {

        @RetryableTopic(attempts = "3", backOff = @BackOff(delay = 100), numPartitions = "1")
        @BackpressuredListener(
                id = "retried",
                topics = "retried",
                overflow = "drop-oldest",
                maxAge = "1h",
                droppedTo = "retried-dropped",
                rateLimitRate = "100")
        void on(String value) {
            throw new UnsupportedOperationException(value);
        }
    }

    @Test
    void whatIsRetriedIsNotDroppedAndTakesFromTheSameRate() {
        try (Scenario scenario = Scenario.of(brokers, "beside-retried")
                .beans(beans -> beans.registerBean(Retried.class, Retried::new))
                .start()) {
            List<BackpressuredMessageListenerContainer<?, ?>> containers = new ArrayList<>();
            scenario.context()
                    .getBean(KafkaListenerEndpointRegistry.class)
                    .getListenerContainers()
                    .forEach(container -> {
                        // The method of the dead-letter topic is another one, without the annotation.
                        String id = container.getListenerId();
                        if (id.startsWith("retried") && !id.contains("dlt")) {
                            containers.add((BackpressuredMessageListenerContainer<?, ?>) container);
                        }
                    });

            assertThat(containers).hasSize(2);
            assertThat(containers).allSatisfy(container -> {
                OverloadOptions options = container.getOptions().overload();
                boolean main = container.getListenerId().equals("retried");
                assertThat(options.drops()).as(container.getListenerId()).isEqualTo(main);
                assertThat(options.droppedTo() != null).isEqualTo(main);
                assertThat(options.rateLimit().rate()).isEqualTo(100);
            });
            assertThat(containers.stream()
                            .map(container -> container.overload().rates())
                            .distinct())
                    .hasSize(1);
        }
    }

    /** A listener of batches that is set by its annotation. */
    static final class Batches {

        private final Queue<List<String>> batches = new ConcurrentLinkedQueue<>();

        private final CountDownLatch latch = new CountDownLatch(1);

        private final CountDownLatch begun = new CountDownLatch(1);

        @BackpressuredListener(
                id = "batches",
                topics = "batches",
                batch = "true",
                maxConcurrency = "1",
                maxInFlight = "30",
                overflow = "drop-oldest",
                rateLimitWindowRecords = "20",
                rateLimitWindow = "2s",
                rateLimitPer = "partition",
                topicPriority = "batches=7, others=1")
        void on(List<String> values) {
            begun.countDown();
            Scenario.hang(latch);
            batches.add(List.copyOf(values));
        }
    }

    @Test
    void batchesAreCutWhereTokensEndAndHoldNothingThatWasDropped() {
        Batches listener = new Batches();
        try (Scenario scenario = Scenario.of(brokers, "beside-batches")
                .topic("batches", 1)
                .topic("beside-batches", 1)
                .beans(beans -> beans.registerBean(Batches.class, () -> listener))
                .start()) {
            scenario.send(0, "k", "0");
            scenario.flush();
            await().until(() -> listener.begun.getCount() == 0);
            for (int i = 1; i < 100; i++) {
                scenario.send(0, "k", String.valueOf(i));
            }
            scenario.flush();
            BackpressuredMessageListenerContainer<?, ?> container =
                    (BackpressuredMessageListenerContainer<?, ?>) scenario.context()
                            .getBean(KafkaListenerEndpointRegistry.class)
                            .getListenerContainer("batches");
            await().until(() -> container.snapshot().partitions().get(0).lastPolled() == 99);
            assertThat(container.getPressure()).isEqualTo(BufferState.FULL);
            listener.latch.countDown();
            await().atMost(Duration.ofSeconds(30)).until(() -> container.getInFlight() == 0);

            List<String> handled =
                    listener.batches.stream().flatMap(List::stream).toList();
            long dropped = container.getDropped().get(DropReason.MAX_IN_FLIGHT);
            assertThat(handled).startsWith("0").endsWith("99").doesNotHaveDuplicates();
            assertThat(handled.size() + dropped).isEqualTo(100);
            assertThat(listener.batches).allSatisfy(batch -> assertThat(batch).hasSizeLessThanOrEqualTo(20));
            assertThat(container.getOptions().overload().topicPriority()).isEqualTo(Map.of("batches", 7, "others", 1));
        }
    }
}
