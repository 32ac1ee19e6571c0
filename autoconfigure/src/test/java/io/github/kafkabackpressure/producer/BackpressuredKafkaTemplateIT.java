package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.SendResult;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

@EmbeddedKafka(partitions = 1)
@Timeout(90)
class BackpressuredKafkaTemplateIT {

    private final EmbeddedKafkaBroker broker;
    private String topic = "";

    BackpressuredKafkaTemplateIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @BeforeEach
    void nameTheTopic(TestInfo test) {
        topic = test.getTestMethod().orElseThrow().getName() + "-" + System.nanoTime();
    }

    @Test
    void whatWaitsInTheBufferIsOnTheTopicInOrderBeforeCloseReturns() {
        ConfigurableApplicationContext context =
                start("linger=1h", "batch-size=1000000", "max-buffered=1000000", "max-in-flight=10");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        List<CompletableFuture<SendResult<Object, Object>>> futures = IntStream.range(0, 25)
                .mapToObj(i -> template.send(topic, "value-" + i))
                .toList();
        Reports reports = context.getBean(Reports.class);
        assertThat(template.stats().buffered()).isEqualTo(25);

        context.close();

        assertThat(futures).allMatch(future -> future.isDone() && !future.isCompletedExceptionally());
        assertThat(values()).isEqualTo(numbered(25));
        assertThat(reports.flushes).singleElement().satisfies(report -> {
            assertThat(report.complete()).isTrue();
            assertThat(report.topics()).containsOnly(Map.entry(topic, new ProducerFlushReport.Counts(25, 0, 0, 0)));
        });
    }

    @Test
    void everyLayerIsEmptiedAtClose() {
        ConfigurableApplicationContext context = start(
                "linger=1h",
                "batch-size=25",
                "max-in-flight=25",
                "spring.kafka.producer.properties.linger.ms=3600000",
                "spring.kafka.producer.properties.delivery.timeout.ms=7200000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        IntStream.range(0, 75).forEach(i -> template.send(topic, "value-" + i));
        Awaitility.await().untilAsserted(() -> {
            assertThat(template.stats().inFlight()).isEqualTo(25);
            assertThat(template.stats().buffered()).isEqualTo(50);
        });

        context.close();

        assertThat(values()).isEqualTo(numbered(75));
        assertThat(template.stats().ended(SendOutcome.DELIVERED)).isEqualTo(75);
    }

    @ParameterizedTest
    @EnumSource(Overflow.class)
    void underLoadOfEightThreadsEverySendEndsOnceAndSuccessesAreWhatIsOnTheTopic(Overflow overflow) throws Exception {
        ConfigurableApplicationContext context = start(
                "overflow=" + overflow,
                "max-buffered=50",
                "max-in-flight=20",
                "max-block=10ms",
                "batch-size=10",
                "linger=1ms");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        AtomicBoolean go = new AtomicBoolean(true);
        ConcurrentLinkedQueue<CompletableFuture<SendResult<Object, Object>>> futures = new ConcurrentLinkedQueue<>();
        ExecutorService senders = Executors.newFixedThreadPool(8);
        List<Future<?>> running = new ArrayList<>();
        for (int thread = 0; thread < 8; thread++) {
            int id = thread;
            running.add(senders.submit(() -> {
                for (int i = 0; go.get(); i++) {
                    CompletableFuture<SendResult<Object, Object>> future =
                            template.send(new ProducerRecord<>(topic, null, id + ":" + i), i % 10);
                    futures.add(future);
                    if (future.isCompletedExceptionally()) {
                        LockSupport.parkNanos(100_000); // The load is bounded, the futures are kept.
                    }
                }
            }));
        }
        Awaitility.await()
                .until(() -> template.stats().ended(SendOutcome.DELIVERED) > 500
                        && (overflow == Overflow.BLOCK || refusals(template) > 500));

        context.close();
        Awaitility.await().until(() -> template.stats().ended(SendOutcome.CLOSED) > 0);
        go.set(false);
        for (Future<?> sender : running) {
            sender.get(10, TimeUnit.SECONDS);
        }
        senders.shutdown();

        Map<SendOutcome, Long> outcomes = outcomes(futures);
        for (SendOutcome outcome : SendOutcome.values()) {
            assertThat(template.stats().ended(outcome))
                    .as(outcome.name())
                    .isEqualTo(outcomes.getOrDefault(outcome, 0L));
        }
        assertThat(outcomes).doesNotContainKeys(SendOutcome.FAILED, SendOutcome.NOT_DELIVERED, SendOutcome.INTERRUPTED);
        List<String> values = values();
        assertThat(values)
                .hasSize(Math.toIntExact(outcomes.get(SendOutcome.DELIVERED)))
                .doesNotHaveDuplicates();
        for (int thread = 0; thread < 8; thread++) {
            String prefix = thread + ":";
            assertThat(values.stream()
                            .filter(value -> value.startsWith(prefix))
                            .map(value -> Integer.parseInt(value.substring(prefix.length())))
                            .toList())
                    .as("order of thread " + thread)
                    .isSorted();
        }
        switch (overflow) {
            case BLOCK ->
                assertThat(outcomes.keySet())
                        .isSubsetOf(
                                SendOutcome.DELIVERED, SendOutcome.TIMED_OUT, SendOutcome.CLOSED, SendOutcome.DROPPED);
            case REJECT -> assertThat(outcomes).containsKey(SendOutcome.REJECTED);
            default -> assertThat(outcomes).containsKey(SendOutcome.DROPPED);
        }
    }

    @Test
    void aBufferOfOneDeliversEverything() {
        ConfigurableApplicationContext context = start(
                "max-buffered=1", "max-in-flight=1", "batch-size=1", "spring.kafka.producer.properties.linger.ms=0");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        IntStream.range(0, 1000).forEach(i -> template.send(topic, "value-" + i));

        context.close();

        assertThat(values()).isEqualTo(numbered(1000));
        assertThat(template.stats().ended(SendOutcome.DELIVERED)).isEqualTo(1000);
    }

    /** A plug that Kafka's own linger holds back fills the window, so nothing is taken out of the buffer. */
    @Test
    void theLayersAnswerInTheOrderRateLimitSoftLimitHardLimit() {
        ConfigurableApplicationContext context = start(
                "soft-limit=5",
                "max-buffered=10",
                "overflow=drop-newest",
                "max-in-flight=1",
                "rate-limit.window-records=20",
                "rate-limit.window=1h",
                "spring.kafka.producer.properties.linger.ms=3600000",
                "spring.kafka.producer.properties.delivery.timeout.ms=7200000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        template.trySend(new ProducerRecord<>(topic, "plug"), 9);
        Awaitility.await().until(() -> template.stats().inFlight() == 1);

        List<TrySendResult<Object, Object>> results = new ArrayList<>();
        int[][] submissions = {{5, 5}, {5, 1}, {15, 5}, {1, 9}};
        for (int[] submission : submissions) {
            for (int i = 0; i < submission[0]; i++) {
                results.add(template.trySend(new ProducerRecord<>(topic, "value"), submission[1]));
            }
        }

        assertThat(results.stream().filter(TrySendResult.Accepted.class::isInstance))
                .hasSize(10);
        assertThat(results.stream().filter(TrySendResult.Dropped.class::isInstance))
                .hasSize(11);
        assertThat(results.stream().filter(TrySendResult.RateLimited.class::isInstance))
                .hasSize(5);
        assertThat(template.stats().ended(SendOutcome.DROPPED)).isEqualTo(11);
        assertThat(template.stats().ended(SendOutcome.RATE_LIMITED)).isEqualTo(5);
        assertThat(context.getBean(Reports.class).states)
                .extracting(BufferStateEvent::state)
                .containsExactly(BufferState.PRESSURED, BufferState.FULL);
        context.close();
        assertThat(values()).hasSize(11);
        assertThat(template.trySend(new ProducerRecord<>(topic, "late"))).isInstanceOf(TrySendResult.Closed.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"max-buffered=1", "rate-limit.window-records=1"})
    void whoWaitsToSendIsSeenWhileItWaits(String limit) throws Exception {
        ConfigurableApplicationContext context = start(
                limit,
                limit.startsWith("rate") ? "rate-limit.window=1h" : "max-in-flight=1",
                "max-block=1h",
                "spring.kafka.producer.properties.linger.ms=3600000",
                "spring.kafka.producer.properties.delivery.timeout.ms=7200000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        AtomicReference<CompletableFuture<?>> last = new AtomicReference<>();
        Thread sender = new Thread(() -> {
            for (int i = 0; i < 3; i++) {
                last.set(template.send(topic, "value-" + i));
            }
        });
        sender.start();
        Awaitility.await().until(() -> template.snapshot().blocked() == 1);
        long before = template.stats().blockedNanos();
        Awaitility.await().until(() -> template.stats().blockedNanos() > before + 1_000_000);
        assertThat(template.snapshot().blockedTotal()).isBetween(1L, 2L); // one while the topic was not known yet

        context.close();
        sender.join();
        assertThat(template.stats().blocked()).isZero();
        long after = template.stats().blockedNanos();
        assertThat(template.stats().blockedNanos()).isEqualTo(after);
        assertThat(last.get()).isCompletedExceptionally();
    }

    @Test
    void aPoisonousRecordFailsAloneAndTheOthersKeepTheirOrder() {
        ConfigurableApplicationContext context =
                start("linger=1h", "batch-size=1000", "spring.kafka.producer.properties.max.request.size=2000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        List<CompletableFuture<?>> poisonous = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            template.send(topic, "value-" + i);
            if (i == 7) {
                poisonous.add(template.send(topic, 42));
                poisonous.add(template.send(topic, "x".repeat(5000)));
            }
        }

        context.close();

        assertThat(poisonous)
                .allSatisfy(future -> assertThat(future)
                        .failsWithin(Duration.ZERO)
                        .withThrowableThat()
                        .havingCause()
                        .isExactlyInstanceOf(KafkaProducerException.class));
        assertThat(values()).isEqualTo(numbered(20));
        assertThat(template.stats().ended(SendOutcome.FAILED)).isEqualTo(2);
    }

    @Test
    void aTopicThatDoesNotExistDoesNotTakeTheOthersDownWithItAtClose() {
        ConfigurableApplicationContext context = start(
                "linger=1h",
                "batch-size=1000",
                "flush-timeout=4s",
                "spring.kafka.producer.properties.max.block.ms=60000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        CompletableFuture<?> lost = template.send("no:such:topic".replace(':', '/'), "lost");
        IntStream.range(0, 10).forEach(i -> template.send(topic, "value-" + i));
        template.send("no-partition", 77, "key", "lost");
        IntStream.range(10, 20).forEach(i -> template.send(topic, "value-" + i));

        long before = System.nanoTime();
        context.close();

        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
        assertThat(lost).isCompletedExceptionally();
        assertThat(values()).isEqualTo(numbered(20));
    }

    @Test
    void aStoppedContextThatStartsAgainSendsAgain() {
        try (ConfigurableApplicationContext context = start("linger=1h")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            template.send(topic, "before");
            context.stop();
            assertThat(values()).containsExactly("before");
            assertThat(template.send(topic, "while stopped")).isCompletedExceptionally();
            context.start();
            template.send(topic, "after");
        }
        assertThat(values()).containsExactly("before", "after");
    }

    @Test
    void aSendThatWaitsForRoomIsInterruptible() throws Exception {
        try (ConfigurableApplicationContext context = start(
                "max-buffered=1",
                "max-in-flight=1",
                "spring.kafka.producer.properties.linger.ms=3600000",
                "spring.kafka.producer.properties.delivery.timeout.ms=7200000")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            template.send(topic, "in flight");
            template.send(topic, "buffered");
            CompletableFuture<SendOutcome> outcome = new CompletableFuture<>();
            Thread sender = new Thread(() -> {
                CompletableFuture<?> future = template.send(topic, "waits");
                outcome.complete(Thread.currentThread().isInterrupted() ? outcome(future) : SendOutcome.FAILED);
            });
            sender.start();
            Awaitility.await().until(() -> sender.getState() == Thread.State.TIMED_WAITING);
            sender.interrupt();
            assertThat(outcome.get(10, TimeUnit.SECONDS)).isEqualTo(SendOutcome.INTERRUPTED);
        }
        assertThat(values()).containsExactly("in flight", "buffered");
    }

    @Test
    void flushEmptiesTheBufferAndKafkasProducer() {
        try (ConfigurableApplicationContext context = start("linger=1h")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            IntStream.range(0, 30).forEach(i -> template.send(topic, "value-" + i));
            template.flush();
            assertThat(values()).isEqualTo(numbered(30));
        }
    }

    @Test
    void inATransactionRecordsAreOnTheTopicWhenItCommitsAndNotWhenItAborts() {
        try (ConfigurableApplicationContext context =
                start("linger=1h", "spring.kafka.producer.transaction-id-prefix=tx-")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            template.executeInTransaction(operations -> operations.send(topic, "committed"));
            // A commit returns before its markers are on the partitions.
            Awaitility.await().untilAsserted(() -> assertThat(values()).containsExactly("committed"));
            try {
                template.executeInTransaction(operations -> {
                    operations.send(topic, "aborted");
                    throw new IllegalStateException("roll back");
                });
            } catch (IllegalStateException expected) {
                assertThat(expected).hasMessage("roll back");
            }
        }
        assertThat(values()).containsExactly("committed");
    }

    @Test
    void thePlainTemplateIsWhatAKafkaTemplateIsInjectedWith() {
        try (ConfigurableApplicationContext context = start()) {
            assertThat(context.getBeanProvider(KafkaTemplate.class).getIfUnique())
                    .isNotNull()
                    .isNotInstanceOf(BackpressuredKafkaTemplate.class);
            assertThat(context.getBean(BackpressuredKafkaTemplate.class)).isNotNull();
        }
    }

    private static long refusals(BackpressuredKafkaTemplate<?, ?> template) {
        return template.stats().ended(SendOutcome.REJECTED) + template.stats().ended(SendOutcome.DROPPED);
    }

    private static Map<SendOutcome, Long> outcomes(Iterable<CompletableFuture<SendResult<Object, Object>>> futures) {
        Map<SendOutcome, Long> outcomes = new EnumMap<>(SendOutcome.class);
        futures.forEach(future -> {
            assertThat(future).isDone();
            outcomes.merge(outcome(future), 1L, Long::sum);
        });
        return outcomes;
    }

    private static SendOutcome outcome(CompletableFuture<?> future) {
        return Objects.requireNonNull(future.handle((result, failure) -> failure == null
                        ? SendOutcome.DELIVERED
                        : failure instanceof RecordNotSentException notSent ? notSent.outcome() : SendOutcome.FAILED)
                .getNow(null));
    }

    private List<String> values() {
        return TopicReader.records(broker.getBrokersAsString(), topic).stream()
                .map(ConsumerRecord::value)
                .toList();
    }

    private static List<String> numbered(int count) {
        return IntStream.range(0, count).mapToObj(i -> "value-" + i).toList();
    }

    @SuppressWarnings("unchecked")
    private static BackpressuredKafkaTemplate<Object, Object> template(ConfigurableApplicationContext context) {
        return context.getBean(BackpressuredKafkaTemplate.class);
    }

    private ConfigurableApplicationContext start(String... properties) {
        List<String> arguments = new ArrayList<>();
        arguments.add("--spring.kafka.bootstrap-servers=" + broker.getBrokersAsString());
        for (String property : properties) {
            arguments.add("--" + (property.startsWith("spring.") ? "" : "kafka.backpressure.producer.") + property);
        }
        return new SpringApplicationBuilder(App.class)
                .web(WebApplicationType.NONE)
                .registerShutdownHook(false)
                .run(arguments.toArray(String[]::new));
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
    static class App extends Reports {}

    static class Reports {

        final List<ProducerFlushReport> flushes = new CopyOnWriteArrayList<>();
        final List<BufferStateEvent> states = new CopyOnWriteArrayList<>();

        @EventListener
        void on(ProducerFlushReport report) {
            flushes.add(report);
        }

        @EventListener
        void on(BufferStateEvent event) {
            states.add(event);
        }
    }
}
