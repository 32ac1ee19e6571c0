package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import io.github.kafkabackpressure.test.BrokerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.support.SendResult;

/** What a shutdown does while the broker keeps its connections open and answers nothing. */
@Tag("long")
@Timeout(120)
class FrozenBrokerIT {

    private static BrokerProcess broker;

    private final String topic = "topic-" + System.nanoTime();

    @BeforeAll
    static void startBroker() {
        broker = BrokerProcess.start();
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @AfterEach
    void thaw() {
        broker.resume();
    }

    @Test
    void aCloseReturnsInItsTimeAndNamesEveryRecordThatIsLeft() {
        ConfigurableApplicationContext context = start("flush-timeout=5s", "linger=1h", "max-in-flight=30");
        List<CompletableFuture<SendResult<Object, Object>>> futures = sendToTheFrozenBroker(context);
        Reports reports = context.getBean(Reports.class);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(6));
        assertThat(outcomes(futures)).hasSize(100).containsOnly(SendOutcome.NOT_DELIVERED);
        assertThat(reports.flushes).singleElement().satisfies(report -> {
            assertThat(report.notDelivered()).isEqualTo(100);
            assertThat(report.topics()).containsOnlyKeys(topic);
            assertThat(report.unflushed()).hasSize(1);
        });
    }

    @Test
    void withASpoolDirectoryTheNextStartSendsThemFirstAndInOrder(@TempDir Path directory) throws IOException {
        String spool = "spool-directory=" + directory;
        ConfigurableApplicationContext context = start("flush-timeout=2s", "linger=1h", spool);
        List<CompletableFuture<SendResult<Object, Object>>> futures = sendToTheFrozenBroker(context);
        Path ofTheTemplate = Files.createDirectories(directory.resolve("backpressuredKafkaTemplate"));
        Path foreign = Files.writeString(ofTheTemplate.resolve("000000000000000000.spool"), "nothing that we wrote");

        close(context);

        assertThat(outcomes(futures)).hasSize(100).containsOnly(SendOutcome.SPOOLED);
        broker.resume();
        try (ConfigurableApplicationContext next = start(spool)) {
            template(next).send(topic, "value-100");
            Awaitility.await()
                    .atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(template(next).stats().ended(SendOutcome.DELIVERED))
                            .isEqualTo(1));
        }
        // At least once: what the frozen broker had received before it froze may be there twice.
        List<String> values = TopicReader.values(broker.bootstrapServers(), topic);
        assertThat(values).endsWith(numbered(101).toArray(String[]::new));
        assertThat(foreign).doesNotExist();
        try (var files = Files.list(ofTheTemplate)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .anyMatch(name -> name.startsWith("000000000000000000.spool.damaged-"))
                    .noneMatch(name -> name.endsWith(".spool"));
        }
    }

    @Test
    void aBufferThatIsFullAndSendersThatWaitDoNotHoldTheCloseUp() throws InterruptedException {
        ConfigurableApplicationContext context =
                start("flush-timeout=3s", "max-buffered=10", "max-in-flight=5", "max-block=1h");
        sendToTheFrozenBroker(context, 15);
        CompletableFuture<SendOutcome> waiting = new CompletableFuture<>();
        Thread sender = new Thread(() -> waiting.complete(
                outcomes(List.of(template(context).send(topic, "waits"))).get(0)));
        sender.start();
        Awaitility.await().until(() -> sender.getState() == Thread.State.TIMED_WAITING);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(waiting).succeedsWithin(Duration.ofSeconds(1)).isEqualTo(SendOutcome.CLOSED);
    }

    @Test
    void aThreadThatIsInterruptedWhileItClosesKeepsWhatIsLeftAllTheSame(@TempDir Path directory) {
        ConfigurableApplicationContext context = start("flush-timeout=2s", "spool-directory=" + directory);
        context.addApplicationListener((ApplicationListener<ContextClosedEvent>)
                event -> Thread.currentThread().interrupt());
        List<CompletableFuture<SendResult<Object, Object>>> futures = sendToTheFrozenBroker(context);

        Duration took = close(context);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(outcomes(futures)).hasSize(100).containsOnly(SendOutcome.SPOOLED);
    }

    @Test
    void whatWaitsBehindAReplayThatHangsIsKeptBehindItAndSentInOrder(@TempDir Path directory) throws IOException {
        String spool = "spool-directory=" + directory;
        ConfigurableApplicationContext first = start("flush-timeout=1s", "linger=1h", spool);
        sendToTheFrozenBroker(first);
        close(first);
        ConfigurableApplicationContext second = start("flush-timeout=2s", spool);
        List<CompletableFuture<SendResult<Object, Object>>> newer = IntStream.range(100, 110)
                .mapToObj(i -> template(second).send(topic, "value-" + i))
                .toList();

        Duration took = close(second);

        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(outcomes(newer)).hasSize(10).containsOnly(SendOutcome.SPOOLED);
        broker.resume();
        try (ConfigurableApplicationContext third = start(spool)) {
            template(third).send(topic, "value-110");
            Awaitility.await()
                    .atMost(Duration.ofSeconds(30))
                    .until(() -> template(third).stats().ended(SendOutcome.DELIVERED) == 1);
        }
        assertThat(TopicReader.values(broker.bootstrapServers(), topic))
                .endsWith(numbered(111).toArray(String[]::new));
    }

    @Test
    void whatATransactionHasSentEndsWithTheContext() throws Exception {
        ConfigurableApplicationContext context =
                start("flush-timeout=2s", "spring.kafka.producer.transaction-id-prefix=tx-" + topic);
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        template.executeInTransaction(operations -> operations.send(topic, "committed"));
        CompletableFuture<CompletableFuture<SendResult<Object, Object>>> sent = new CompletableFuture<>();
        CountDownLatch closed = new CountDownLatch(1);
        Thread inTransaction = new Thread(() -> template.executeInTransaction(operations -> {
            broker.freeze();
            sent.complete(operations.send(topic, "in flight"));
            return awaitUninterruptibly(closed);
        }));
        inTransaction.setUncaughtExceptionHandler((thread, commitFailed) -> {});
        inTransaction.start();
        CompletableFuture<SendResult<Object, Object>> future = sent.get(30, TimeUnit.SECONDS);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(outcomes(List.of(future))).containsOnly(SendOutcome.NOT_DELIVERED);
        broker.resume();
        closed.countDown();
        inTransaction.join(60_000);
    }

    @Test
    void whatWaitsForTheMetadataOfANewTopicIsKeptInOrder(@TempDir Path directory) {
        String spool = "spool-directory=" + directory;
        // A producer that has yet to meet its cluster does not close before its request has timed out.
        ConfigurableApplicationContext context =
                start("flush-timeout=2s", spool, "spring.kafka.producer.properties.request.timeout.ms=2000");
        broker.freeze();
        List<CompletableFuture<SendResult<Object, Object>>> futures = IntStream.range(0, 8)
                .mapToObj(i -> template(context).send(topic, "value-" + i))
                .toList();
        Reports reports = context.getBean(Reports.class);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(6));
        assertThat(outcomes(futures)).hasSize(8).containsOnly(SendOutcome.SPOOLED);
        assertThat(reports.flushes)
                .singleElement()
                .satisfies(report -> assertThat(report.spooled()).isEqualTo(8));
        broker.resume();
        try (ConfigurableApplicationContext next = start(spool)) {
            template(next).send(topic, "value-8").join();
        }
        assertThat(TopicReader.values(broker.bootstrapServers(), topic)).isEqualTo(numbered(9));
    }

    @Test
    void callersThatWaitForKafkasMemoryAreReportedAndKept(@TempDir Path directory) throws Exception {
        ConfigurableApplicationContext context = start(
                "flush-timeout=2s",
                "spool-directory=" + directory,
                "spring.kafka.producer.buffer-memory=40000",
                "spring.kafka.producer.batch-size=16384");
        context.getBean("kafkaTemplate", KafkaTemplate.class).partitionsFor(topic);
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        broker.freeze();
        List<CompletableFuture<SendOutcome>> ends = new CopyOnWriteArrayList<>();
        List<Thread> callers = IntStream.range(0, 8)
                .mapToObj(i -> new Thread(() -> {
                    CompletableFuture<SendOutcome> end = new CompletableFuture<>();
                    ends.add(end);
                    template.send(topic, "x".repeat(15_000))
                            .whenComplete((sent, failed) -> end.complete(
                                    failed instanceof RecordNotSentException refused
                                            ? refused.outcome()
                                            : SendOutcome.FAILED));
                }))
                .toList();
        callers.forEach(Thread::start);
        Awaitility.await()
                .until(() -> callers.stream()
                                .filter(caller -> caller.getState() == Thread.State.TIMED_WAITING)
                                .count()
                        >= 4);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(5));
        for (Thread caller : callers) {
            caller.join(10_000);
        }
        assertThat(ends)
                .hasSize(8)
                .allSatisfy(end -> assertThat(end.get(5, TimeUnit.SECONDS)).isEqualTo(SendOutcome.SPOOLED));
    }

    @Test
    void aTemplateOnACopyOfAFactoryLeavesNoFutureOpen() {
        ConfigurableApplicationContext context = start("flush-timeout=1s");
        DefaultKafkaProducerFactory<Object, Object> factory = context.getBean(DefaultKafkaProducerFactory.class);
        BackpressuredKafkaTemplate<Object, Object> onACopy = new BackpressuredKafkaTemplate<>(
                "onACopy",
                factory.copyWithConfigurationOverride(Map.of("linger.ms", "5")),
                ProducerOptions.defaults(),
                ProducerMetrics.NOOP);
        context.getAutowireCapableBeanFactory().initializeBean(onACopy, "onACopy");
        onACopy.partitionsFor(topic);
        broker.freeze();
        List<CompletableFuture<SendResult<Object, Object>>> futures = List.of(onACopy.send(topic, "value"));

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(outcomes(futures)).containsExactly(SendOutcome.NOT_DELIVERED);
    }

    @Test
    void theEndOfOneTemplateIsNotThatOfAnother() {
        try (ConfigurableApplicationContext context = start("flush-timeout=1s")) {
            BackpressuredKafkaTemplate<Object, Object> other = new BackpressuredKafkaTemplate<>(
                    "other",
                    context.getBean(DefaultKafkaProducerFactory.class),
                    ProducerOptions.defaults(),
                    ProducerMetrics.NOOP);
            List<CompletableFuture<SendResult<Object, Object>>> futures = sendToTheFrozenBroker(context, 1);
            other.destroy();
            broker.resume();

            assertThat(futures.get(0)).succeedsWithin(Duration.ofSeconds(20));
        }
    }

    @Test
    void aPlainTransactionThatIsInFlightEndsWithTheContext() throws Exception {
        ConfigurableApplicationContext context =
                start("flush-timeout=2s", "spring.kafka.producer.transaction-id-prefix=plain-" + topic);
        @SuppressWarnings("unchecked")
        KafkaTemplate<Object, Object> plain = context.getBean("kafkaTemplate", KafkaTemplate.class);
        plain.executeInTransaction(operations -> operations.send(topic, "committed"));
        CompletableFuture<CompletableFuture<SendResult<Object, Object>>> sent = new CompletableFuture<>();
        CountDownLatch closed = new CountDownLatch(1);
        Thread inTransaction = new Thread(() -> plain.executeInTransaction(operations -> {
            broker.freeze();
            sent.complete(operations.send(topic, "in flight"));
            return awaitUninterruptibly(closed);
        }));
        inTransaction.setUncaughtExceptionHandler((thread, commitFailed) -> {});
        inTransaction.start();
        CompletableFuture<SendResult<Object, Object>> future = sent.get(30, TimeUnit.SECONDS);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(5));
        assertThat(future).isCompletedExceptionally();
        broker.resume();
        closed.countDown();
        inTransaction.join(60_000);
    }

    @Test
    void aChildContextLeavesTheProducersOfItsParentAlone() {
        try (ConfigurableApplicationContext parent = start("flush-timeout=1s")) {
            AnnotationConfigApplicationContext child = new AnnotationConfigApplicationContext();
            child.setParent(parent);
            child.register(Child.class);
            child.refresh();
            BackpressuredKafkaTemplate<Object, Object> ofTheChild =
                    child.getBean("ofTheChild", BackpressuredKafkaTemplate.class);
            List<CompletableFuture<SendResult<Object, Object>>> futures = sendToTheFrozenBroker(parent, 1);
            CompletableFuture<SendResult<Object, Object>> childs = ofTheChild.send(topic, "of the child");

            Duration took = close(child);

            assertThat(took).isLessThan(Duration.ofSeconds(4));
            broker.resume();
            assertThat(futures.get(0)).succeedsWithin(Duration.ofSeconds(20));
            assertThat(childs).succeedsWithin(Duration.ofSeconds(20));
            assertThat(template(parent).send(topic, "still open")).succeedsWithin(Duration.ofSeconds(20));
        }
    }

    @Test
    void tryingToSendNeverWaitsForTheClustersId() {
        broker.freeze();
        try (ConfigurableApplicationContext context = start(
                "flush-timeout=1s",
                "spring.kafka.template.observation-enabled=true",
                "spring.kafka.producer.properties.request.timeout.ms=2000")) {
            long before = System.nanoTime();
            assertThat(template(context).trySend(new ProducerRecord<>(topic, "value")))
                    .isInstanceOf(TrySendResult.Accepted.class);
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(3));
        }
    }

    @Test
    void whileAcknowledgementsAreSlowBatchesGrowAndThenGoBack() {
        try (ConfigurableApplicationContext context = start(
                "batch-size=10",
                "max-in-flight=50",
                "max-buffered=100000",
                "slow-mode.threshold=300ms",
                "slow-mode.max-batch-size=80",
                "slow-mode.max-linger=20ms")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            sendToTheFrozenBroker(context, 100);
            Awaitility.await()
                    .until(() -> template.stats().slow() && template.pipeline().batchSize() == 80);
            assertThat(template.pipeline().lingerNanos()).isBetween(1_000_000L, 20_000_000L);

            broker.resume();

            int[] sent = {100};
            Awaitility.await().pollInterval(Duration.ofMillis(5)).until(() -> {
                template.send(topic, "value-" + sent[0]++);
                return !template.stats().slow();
            });
            assertThat(template.pipeline().batchSize()).isEqualTo(10);
            assertThat(template.pipeline().lingerNanos()).isZero();
            template.flush();
            assertThat(TopicReader.values(broker.bootstrapServers(), topic)).isEqualTo(numbered(sent[0]));
        }
    }

    @Test
    void whatWaitsIsBoundedInBytes() {
        long limit = 8 << 20;
        try (ConfigurableApplicationContext context = start(
                "max-buffered=10000000",
                "max-buffered-bytes=8MB",
                "max-in-flight=100",
                "overflow=reject",
                "flush-timeout=1s")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            sendToTheFrozenBroker(context, 1);
            long before = liveHeap();

            IntStream.range(0, 40_000).parallel().forEach(i -> {
                template.send(topic, "x".repeat(1000));
                assertThat(template.stats().bufferedBytes()).isLessThanOrEqualTo(limit);
            });

            assertThat(template.stats().ended(SendOutcome.REJECTED)).isGreaterThan(30_000);
            assertThat(template.stats().bufferedBytes()).isBetween(limit - 1000, limit);
            long grown = liveHeap() - before;
            System.out.printf("%,d bytes on the heap for %,d in the buffer%n", grown, limit);
            assertThat(grown).isLessThan(2 * limit);
        }
    }

    private static long liveHeap() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private static boolean awaitUninterruptibly(CountDownLatch latch) {
        while (true) {
            try {
                latch.await();
                return true;
            } catch (InterruptedException e) {
                // The test decides when this ends.
            }
        }
    }

    private List<CompletableFuture<SendResult<Object, Object>>> sendToTheFrozenBroker(
            ConfigurableApplicationContext context) {
        return sendToTheFrozenBroker(context, 100);
    }

    /** The topic is known before, so that what is sent gets as far as Kafka's producer. */
    private List<CompletableFuture<SendResult<Object, Object>>> sendToTheFrozenBroker(
            ConfigurableApplicationContext context, int records) {
        context.getBean("kafkaTemplate", KafkaTemplate.class).partitionsFor(topic);
        broker.freeze();
        return IntStream.range(0, records)
                .mapToObj(i -> template(context).send(topic, "value-" + i))
                .toList();
    }

    private static Duration close(ConfigurableApplicationContext context) {
        long before = System.nanoTime();
        context.close();
        return Duration.ofNanos(System.nanoTime() - before);
    }

    private static List<SendOutcome> outcomes(List<CompletableFuture<SendResult<Object, Object>>> futures) {
        return futures.stream()
                .map(future -> future.handle((result, failure) -> failure == null
                                ? SendOutcome.DELIVERED
                                : failure instanceof RecordNotSentException notSent
                                        ? notSent.outcome()
                                        : SendOutcome.FAILED)
                        .getNow(null))
                .toList();
    }

    private static List<String> numbered(int count) {
        return IntStream.range(0, count).mapToObj(i -> "value-" + i).toList();
    }

    @SuppressWarnings("unchecked")
    private static BackpressuredKafkaTemplate<Object, Object> template(ConfigurableApplicationContext context) {
        return context.getBean(BackpressuredKafkaTemplate.class);
    }

    private static ConfigurableApplicationContext start(String... properties) {
        List<String> arguments = new ArrayList<>();
        arguments.add("--spring.kafka.bootstrap-servers=" + broker.bootstrapServers());
        for (String property : properties) {
            arguments.add("--" + (property.startsWith("spring.") ? "" : "kafka.backpressure.producer.") + property);
        }
        return new SpringApplicationBuilder(App.class)
                .web(WebApplicationType.NONE)
                .registerShutdownHook(false)
                .run(arguments.toArray(String[]::new));
    }

    /** With a template and a flush of its own, but the parent's factory. */
    @Configuration(proxyBeanMethods = false)
    static class Child {

        @Bean
        static LiveProducers live() {
            return new LiveProducers();
        }

        @Bean
        ProducerFlushLifecycle flush(LiveProducers live, ApplicationContext context) {
            return new ProducerFlushLifecycle(live, Duration.ofSeconds(1), ProducerMetrics.NOOP, context);
        }

        @Bean
        BackpressuredKafkaTemplate<Object, Object> ofTheChild(ProducerFactory<Object, Object> ofTheParent) {
            return new BackpressuredKafkaTemplate<>(
                    "ofTheChild", ofTheParent, ProducerOptions.defaults(), ProducerMetrics.NOOP);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
    static class App extends Reports {}

    static class Reports {

        final List<ProducerFlushReport> flushes = new CopyOnWriteArrayList<>();

        @EventListener
        void on(ProducerFlushReport report) {
            flushes.add(report);
        }
    }
}
