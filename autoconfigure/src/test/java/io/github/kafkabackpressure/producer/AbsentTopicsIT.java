package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.TimeoutException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.support.SendResult;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** Topics and partitions that are not there, beside some that are. */
@EmbeddedKafka(
        partitions = 1,
        topics = {"good", "one", "first", "closing", "closing-one", "deleted"},
        brokerProperties = "auto.create.topics.enable=false")
@Timeout(120)
class AbsentTopicsIT {

    private final EmbeddedKafkaBroker broker;

    AbsentTopicsIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @Test
    void aPartitionThatIsNotThereHoldsUpOthersOnceAndNotForEachRecord() {
        try (ConfigurableApplicationContext context = start("spring.kafka.producer.properties.max.block.ms=2000")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            template.send("one", "there").join();
            long before = System.nanoTime();
            List<CompletableFuture<SendResult<Object, Object>>> lost = IntStream.range(0, 8)
                    .mapToObj(i -> template.send("one", 70 + i, "key", "lost"))
                    .toList();

            assertThat(template.send("good", "value")).succeedsWithin(Duration.ofSeconds(6));

            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
            Awaitility.await().until(() -> lost.stream().allMatch(CompletableFuture::isCompletedExceptionally));
            assertThat(template.stats().ended(SendOutcome.FAILED)).isEqualTo(8);
        }
    }

    @Test
    void topicsThatAreNotThereCostNoOtherAnything() {
        try (ConfigurableApplicationContext context = start("spring.kafka.producer.properties.max.block.ms=3000")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            List<CompletableFuture<SendResult<Object, Object>>> lost = IntStream.range(0, 8)
                    .mapToObj(i -> template.send("missing-" + i, "lost"))
                    .toList();

            assertThat(template.send("good", "value")).succeedsWithin(Duration.ofMillis(2500));

            assertThat(lost).noneMatch(CompletableFuture::isDone);
            for (CompletableFuture<SendResult<Object, Object>> future : lost) {
                assertThat(future)
                        .failsWithin(Duration.ofSeconds(10))
                        .withThrowableThat()
                        .havingRootCause()
                        .isInstanceOf(TimeoutException.class)
                        .withMessageContaining("missing-");
            }
        }
    }

    @Test
    void aTopicThatIsDeletedAtRunTimeCostsNoOther() throws Exception {
        try (ConfigurableApplicationContext context = start(
                "flush-timeout=2s",
                "spring.kafka.producer.properties.max.block.ms=40000",
                "spring.kafka.producer.properties.request.timeout.ms=5000",
                "spring.kafka.producer.properties.delivery.timeout.ms=10000")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            template.send("deleted", "there").join();
            template.send("good", "value").join();
            try (Admin admin =
                    Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, broker.getBrokersAsString()))) {
                admin.deleteTopics(List.of("deleted")).all().get();
            }
            List<CompletableFuture<SendResult<Object, Object>>> lost = new ArrayList<>();

            // Before and after the producer hears of it.
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> {
                lost.add(((TrySendResult.Accepted<Object, Object>)
                                template.trySend(new ProducerRecord<>("deleted", "lost")))
                        .future());
                assertThat(template.send("good", "value")).succeedsWithin(Duration.ofSeconds(10));
                return template.stats().buffered() > 0;
            });

            assertThat(lost).isNotEmpty();
            assertThat(template.send("good", "value")).succeedsWithin(Duration.ofSeconds(10));
        }
    }

    @Test
    void aTopicThatComesInTimeGetsWhatWaitedForItInOrder() {
        try (ConfigurableApplicationContext context = start("spring.kafka.producer.properties.max.block.ms=60000")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            List<CompletableFuture<SendResult<Object, Object>>> sends = IntStream.range(0, 600)
                    .mapToObj(i -> template.send("later", "value-" + i))
                    .toList();
            assertThat(template.stats().buffered()).isEqualTo(600);

            broker.addTopics("later");

            assertThat(CompletableFuture.allOf(sends.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(30));
            assertThat(TopicReader.values(broker.getBrokersAsString(), "later"))
                    .containsExactlyElementsOf(
                            IntStream.range(0, 600).mapToObj(i -> "value-" + i).toList());
            assertThat(template.stats().buffered()).isZero();
        }
    }

    @Test
    void whatWaitsForItsTopicKeepsItsRoomWhileOthersWaitForSome() throws Exception {
        ConfigurableApplicationContext context =
                start("overflow=block", "max-buffered=100", "batch-size=100", "flush-timeout=1s");
        BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
        ExecutorService callers = Executors.newFixedThreadPool(4);
        try {
            for (int caller = 0; caller < 4; caller++) {
                callers.execute(() -> {
                    while (template.pipeline().isOpen()) {
                        template.send("never", "value");
                    }
                });
            }
            Awaitility.await().until(() -> template.stats().blocked() == 4);
            assertThat(template.stats().buffered()).isEqualTo(100);
        } finally {
            context.close();
            callers.shutdown();
            assertThat(callers.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        }
    }

    @Test
    void aBadPartitionInATopicsFirstRecordFailsAlone() {
        try (ConfigurableApplicationContext context = start("spring.kafka.producer.properties.max.block.ms=1000")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            CompletableFuture<?> bad = template.send("first", 77, "key", "lost");
            List<CompletableFuture<SendResult<Object, Object>>> good = IntStream.range(0, 20)
                    .mapToObj(i -> template.send("first", "value-" + i))
                    .toList();

            assertThat(CompletableFuture.allOf(good.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(10));
            assertThat(bad).isCompletedExceptionally();
        }
    }

    @Test
    void atACloseTopicsAndPartitionsThatAreNotThereDoNotCostTheOthers() {
        ConfigurableApplicationContext context =
                start("linger=1h", "batch-size=1000", "flush-timeout=8s", "overflow=reject");
        BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
        List<CompletableFuture<SendResult<Object, Object>>> lost = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            lost.add(template.send("missing-at-close-" + i, "lost"));
            lost.add(template.send("closing-one", 50 + i, "key", "lost"));
        }
        List<CompletableFuture<SendResult<Object, Object>>> good = IntStream.range(0, 100)
                .mapToObj(i -> template.send("closing", "value-" + i))
                .toList();
        ProducerApp app = context.getBean(ProducerApp.class);

        long before = System.nanoTime();
        context.close();

        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(6));
        assertThat(good).allMatch(future -> future.isDone() && !future.isCompletedExceptionally());
        assertThat(lost).allMatch(CompletableFuture::isCompletedExceptionally);
        assertThat(app.flushes).singleElement().satisfies(report -> {
            assertThat(report.delivered()).isEqualTo(100);
            assertThat(report.failed() + report.notDelivered()).isEqualTo(8);
            assertThat(report.unflushed()).isEmpty();
        });
    }

    private ConfigurableApplicationContext start(String... properties) {
        return ProducerApp.start(broker.getBrokersAsString(), List.of(), properties);
    }
}
