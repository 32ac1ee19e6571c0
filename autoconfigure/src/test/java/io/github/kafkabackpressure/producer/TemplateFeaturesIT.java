package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.observation.DefaultMeterObservationHandler;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.ProducerListener;
import org.springframework.kafka.support.SendResult;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.support.MessageBuilder;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What a {@code KafkaTemplate} can do besides, how it is configured, and how it ends when the context does. */
@EmbeddedKafka(partitions = 1)
@Timeout(90)
class TemplateFeaturesIT {

    private static final String DEAD_SERVER = "127.0.0.1:1";

    private final EmbeddedKafkaBroker broker;
    private String topic = "";

    TemplateFeaturesIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @BeforeEach
    void nameTheTopic(TestInfo test) {
        topic = test.getTestMethod().orElseThrow().getName() + "-" + System.nanoTime();
    }

    @Test
    void bootsSettingsListenersConvertersAndObservationsHold() {
        ConfigurableApplicationContext context = start(
                Listening.class,
                "linger=5ms",
                "spring.kafka.template.default-topic=" + topic,
                "spring.kafka.template.observation-enabled=true",
                "spring.kafka.producer.properties.max.request.size=2000");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        Listening listening = context.getBean(Listening.class);

        template.sendDefault("key-0", "default");
        template.send(MessageBuilder.withPayload("message")
                .setHeader(KafkaHeaders.KEY, "key-1")
                .setHeader("own", "header")
                .build());
        template.sendDefault("x".repeat(5000));
        context.close();

        List<ConsumerRecord<String, String>> records = TopicReader.records(broker.getBrokersAsString(), topic);
        assertThat(records).extracting(ConsumerRecord::value).containsExactly("default", "message");
        assertThat(records).extracting(ConsumerRecord::key).containsExactly("key-0", "key-1");
        assertThat(new String(records.get(1).headers().lastHeader("own").value(), StandardCharsets.UTF_8))
                .isEqualTo("header");
        assertThat(listening.successes).containsExactly("default", "message");
        assertThat(listening.failures).containsExactly("x".repeat(5000));
        MeterRegistry meters = listening.meters;
        assertThat(meters.get("spring.kafka.template")
                        .tag("error", "none")
                        .timer()
                        .count())
                .isEqualTo(2);
        assertThat(meters.get("spring.kafka.template").timers().stream()
                        .mapToLong(Timer::count)
                        .sum())
                .isEqualTo(3);
        assertThat(meters.get("spring.kafka.template.active").longTaskTimer().activeTasks())
                .isZero();
    }

    @Test
    void stopsAtTheSameTimeWaitForOneFlushAndMakeOneReport() throws Exception {
        ConfigurableApplicationContext context = start(Reports.class, "linger=1h");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        List<CompletableFuture<SendResult<Object, Object>>> futures = send(template, 25);
        ProducerFlushLifecycle flush = context.getBean(ProducerFlushLifecycle.class);
        Reports reports = context.getBean(Reports.class);
        CyclicBarrier together = new CyclicBarrier(3);
        List<CompletableFuture<Boolean>> allDoneWhenStopped = new ArrayList<>();
        for (Runnable stop : List.<Runnable>of(() -> stop(context), context::close, flush::stop)) {
            CompletableFuture<Boolean> result = new CompletableFuture<>();
            allDoneWhenStopped.add(result);
            new Thread(() -> {
                        try {
                            together.await();
                            stop.run();
                            result.complete(futures.stream().allMatch(CompletableFuture::isDone));
                        } catch (Exception e) {
                            result.completeExceptionally(e);
                        }
                    })
                    .start();
        }
        for (CompletableFuture<Boolean> result : allDoneWhenStopped) {
            assertThat(result.get(30, TimeUnit.SECONDS)).isTrue();
        }
        assertThat(values()).isEqualTo(numbered(25));
        assertThat(reports.flushes).singleElement().satisfies(report -> {
            assertThat(report.complete()).isTrue();
            assertThat(report.delivered()).isEqualTo(25);
        });
    }

    /** Stops a context that may be closed meanwhile: then Spring finds no listeners to tell that it has stopped. */
    private static void stop(ConfigurableApplicationContext context) {
        try {
            context.stop();
        } catch (RuntimeException e) {
            if (context.isActive()) {
                throw e;
            }
        }
    }

    @Test
    void aClusterThatIsAwayDoesNotCostTheRecordsForAnother() {
        ConfigurableApplicationContext context = start(TwoClusters.class, "flush-timeout=3s");
        @SuppressWarnings("unchecked")
        BackpressuredKafkaTemplate<Object, Object> alive = context.getBean("alive", BackpressuredKafkaTemplate.class);
        @SuppressWarnings("unchecked")
        BackpressuredKafkaTemplate<Object, Object> dead = context.getBean("dead", BackpressuredKafkaTemplate.class);
        assertThat(context.getBeansOfType(KafkaTemplate.class)).containsOnlyKeys("alive", "dead");
        Reports reports = context.getBean(Reports.class);
        List<CompletableFuture<SendResult<Object, Object>>> lost = send(dead, 25);
        List<CompletableFuture<SendResult<Object, Object>>> futures = send(alive, 25);

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(5));
        assertThat(futures).allMatch(future -> future.isDone() && !future.isCompletedExceptionally());
        assertThat(values()).isEqualTo(numbered(25));
        assertThat(lost).allMatch(CompletableFuture::isCompletedExceptionally);
        assertThat(reports.flushes).singleElement().satisfies(report -> {
            assertThat(report.delivered()).isEqualTo(25);
            assertThat(report.failed() + report.notDelivered()).isEqualTo(25);
        });
    }

    @Test
    void whatWaitsWhenTheStartFailsIsDelivered() {
        assertThatThrownBy(() -> start(SendsThenFails.class, "linger=1h", "spring.topic=" + topic))
                .isInstanceOf(BeanCreationException.class);

        assertThat(values()).containsExactly("sent while starting");
    }

    @Test
    void aCommittedTransactionIsOnTheTopicAndWhatIsSentOutsideOfOneIsBuffered() {
        try (ConfigurableApplicationContext context = start(
                Reports.class,
                "linger=1h",
                "spring.kafka.producer.transaction-id-prefix=tx-",
                "spring.kafka.template.allow-non-transactional=true")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            TransactionTemplate transaction =
                    new TransactionTemplate(context.getBean(PlatformTransactionManager.class));
            transaction.executeWithoutResult(status -> send(template, 10));
            // A commit returns before its markers are on the partitions.
            Awaitility.await().untilAsserted(() -> assertThat(values()).isEqualTo(numbered(10)));
            transaction.executeWithoutResult(status -> {
                template.send(topic, "rolled back");
                status.setRollbackOnly();
            });
            template.send(topic, "value-10");
            assertThat(template.stats().buffered()).isEqualTo(1);
        }
        Awaitility.await().untilAsserted(() -> assertThat(values()).isEqualTo(numbered(11)));
    }

    /** The thread of a transaction is an outsider to a closing context, and must not be left with an open future. */
    @Test
    void aTransactionThatIsOpenWhenTheContextClosesEndsWithIt() throws Exception {
        ConfigurableApplicationContext context =
                start(Reports.class, "flush-timeout=3s", "spring.kafka.producer.transaction-id-prefix=tx-");
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        List<CompletableFuture<SendResult<Object, Object>>> sends = new CopyOnWriteArrayList<>();
        AtomicReference<Throwable> refusal = new AtomicReference<>();
        Thread inTransaction = new Thread(() -> template.executeInTransaction(operations -> {
            sends.add(operations.send(topic, "before"));
            begun.countDown();
            await(closed);
            return operations.send(topic, "after");
        }));
        inTransaction.setUncaughtExceptionHandler((thread, thrown) -> refusal.set(thrown));
        inTransaction.start();
        assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(5));
        assertThat(sends).singleElement().matches(CompletableFuture::isDone);
        closed.countDown();
        inTransaction.join(30_000);
        assertThat(refusal.get())
                .isInstanceOfSatisfying(
                        RecordNotSentException.class,
                        refused -> assertThat(refused.outcome()).isEqualTo(SendOutcome.CLOSED));
    }

    @Test
    void aTransactionIsRolledBackWhenOneOfItsRecordsIsRefused() {
        try (ConfigurableApplicationContext context =
                start(Reports.class, "spring.kafka.producer.transaction-id-prefix=tx-")) {
            BackpressuredKafkaTemplate<Object, Object> template = template(context);
            assertThatThrownBy(() -> template.executeInTransaction(operations -> {
                        operations.send(topic, "value-0");
                        return operations.send(topic, 42); // which the serializer for strings does not take
                    }))
                    .isInstanceOf(KafkaProducerException.class)
                    .hasRootCauseInstanceOf(ClassCastException.class);
            template.executeInTransaction(operations -> operations.send(topic, "value-0"));
        }
        assertThat(values()).isEqualTo(numbered(1));
    }

    @Test
    void aHandOverThatHangsCostsNoOtherRecord(@TempDir Path directory) {
        Poisonable.release = new CountDownLatch(1);
        ConfigurableApplicationContext context = start(
                Reports.class,
                "linger=1h",
                "flush-timeout=2s",
                "spool-directory=" + directory,
                "spring.kafka.producer.value-serializer=" + Poisonable.class.getName());
        BackpressuredKafkaTemplate<Object, Object> template = template(context);
        List<CompletableFuture<SendResult<Object, Object>>> first = send(template, 10);
        CompletableFuture<SendResult<Object, Object>> hangs = template.send(topic, Poisonable.HANGS);
        CompletableFuture<SendResult<Object, Object>> throwsBehindIt = template.send(topic, Poisonable.THROWS);
        List<CompletableFuture<SendResult<Object, Object>>> rest = IntStream.range(10, 20)
                .mapToObj(i -> template.send(topic, "value-" + i))
                .toList();

        Duration took = close(context);

        assertThat(took).isLessThan(Duration.ofSeconds(4));
        assertThat(first).allMatch(future -> future.isDone() && !future.isCompletedExceptionally());
        assertThat(hangs).isCompletedExceptionally();
        assertThat(throwsBehindIt).isCompletedExceptionally();
        assertThat(template.stats().ended(SendOutcome.NOT_DELIVERED)).isEqualTo(2);
        assertThat(template.stats().ended(SendOutcome.SPOOLED)).isEqualTo(10);
        assertThat(rest).allMatch(CompletableFuture::isDone);
        assertThat(template.stats().inFlight()).isZero();
        assertThat(template.stats().buffered()).isZero();
        Poisonable.release.countDown();
        assertThat(values()).isEqualTo(numbered(10));
        try (ConfigurableApplicationContext next = start(Reports.class, "spool-directory=" + directory)) {
            template(next).send(topic, "value-20");
        }
        assertThat(values()).isEqualTo(numbered(21));
    }

    private List<CompletableFuture<SendResult<Object, Object>>> send(
            BackpressuredKafkaTemplate<Object, Object> template, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> template.send(topic, "value-" + i))
                .toList();
    }

    private List<String> values() {
        return TopicReader.values(broker.getBrokersAsString(), topic);
    }

    private static List<String> numbered(int count) {
        return IntStream.range(0, count).mapToObj(i -> "value-" + i).toList();
    }

    private static Duration close(ConfigurableApplicationContext context) {
        long before = System.nanoTime();
        context.close();
        return Duration.ofNanos(System.nanoTime() - before);
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("unchecked")
    private static BackpressuredKafkaTemplate<Object, Object> template(ConfigurableApplicationContext context) {
        return context.getBean(BackpressuredKafkaTemplate.class);
    }

    private ConfigurableApplicationContext start(Class<?> configuration, String... properties) {
        List<String> arguments = new ArrayList<>();
        arguments.add("--spring.kafka.bootstrap-servers=" + broker.getBrokersAsString());
        for (String property : properties) {
            arguments.add("--" + (property.startsWith("spring.") ? "" : "kafka.backpressure.producer.") + property);
        }
        return new SpringApplicationBuilder(App.class, configuration)
                .web(WebApplicationType.NONE)
                .registerShutdownHook(false)
                .run(arguments.toArray(String[]::new));
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
    static class App {}

    @Configuration(proxyBeanMethods = false)
    static class Reports {

        final List<ProducerFlushReport> flushes = new CopyOnWriteArrayList<>();

        @EventListener
        void on(ProducerFlushReport report) {
            flushes.add(report);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Listening implements ProducerListener<Object, Object> {

        final List<Object> successes = new CopyOnWriteArrayList<>();
        final List<Object> failures = new CopyOnWriteArrayList<>();
        final MeterRegistry meters = new SimpleMeterRegistry();

        @Bean
        ObservationRegistry observations() {
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig().observationHandler(new DefaultMeterObservationHandler(meters));
            return registry;
        }

        @Override
        public void onSuccess(ProducerRecord<Object, Object> record, RecordMetadata metadata) {
            successes.add(record.value());
        }

        @Override
        public void onError(
                ProducerRecord<Object, Object> record, @Nullable RecordMetadata metadata, Exception exception) {
            failures.add(record.value());
        }
    }

    /** Templates of a user's own, whose factories are no beans. Kafka's own linger shows whether they are flushed. */
    @Configuration(proxyBeanMethods = false)
    static class TwoClusters extends Reports {

        @Bean
        BackpressuredKafkaTemplate<Object, Object> alive(@Value("${spring.kafka.bootstrap-servers}") String servers) {
            return template("alive", servers);
        }

        @Bean
        BackpressuredKafkaTemplate<Object, Object> dead() {
            return template("dead", DEAD_SERVER);
        }

        private static BackpressuredKafkaTemplate<Object, Object> template(String name, String servers) {
            Map<String, Object> config = new HashMap<>(Map.of(
                    "bootstrap.servers",
                    servers,
                    "key.serializer",
                    StringSerializer.class,
                    "value.serializer",
                    StringSerializer.class,
                    "linger.ms",
                    3_600_000,
                    "delivery.timeout.ms",
                    7_200_000));
            ProducerOptions usual = ProducerOptions.defaults();
            ProducerOptions batching = new ProducerOptions(
                    usual.limits(),
                    usual.overflow(),
                    usual.maxBlock(),
                    usual.maxInFlight(),
                    new ProducerOptions.Batching(1000, Duration.ofHours(1)),
                    usual.priorities(),
                    null,
                    null,
                    null,
                    Duration.ofSeconds(3));
            return new BackpressuredKafkaTemplate<>(
                    name, new DefaultKafkaProducerFactory<>(config), batching, ProducerMetrics.NOOP);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class SendsThenFails {

        @Bean
        Object failing(BackpressuredKafkaTemplate<Object, Object> template, @Value("${spring.topic}") String topic) {
            template.send(topic, "sent while starting");
            throw new IllegalStateException("this start fails");
        }
    }

    /** Hangs on one value, whatever interrupts it, and throws what no serializer should on another. */
    public static final class Poisonable implements Serializer<String> {

        static final String HANGS = "hangs";
        static final String THROWS = "throws";

        static volatile CountDownLatch release = new CountDownLatch(1);

        @Override
        public byte[] serialize(String topic, String value) {
            if (value.equals(THROWS)) {
                throw new UnsupportedOperationException("poison");
            }
            while (value.equals(HANGS) && release.getCount() > 0) {
                try {
                    release.await();
                } catch (InterruptedException e) {
                    // That is the poison.
                }
            }
            return value.getBytes(StandardCharsets.UTF_8);
        }
    }
}
