package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.SendOutcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.SendResult;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** User code on threads that sending needs: Kafka's own, the sender's, and those that a closing context waits for. */
@EmbeddedKafka(
        partitions = 1,
        topics = {"records", "audit", "closing", "plain", "flushing", "poison", "requests", "states", "held"})
@Timeout(120)
class CallbacksIT {

    private final EmbeddedKafkaBroker broker;

    CallbacksIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @Test
    void whatEachCallbackSendsIsDeliveredThoughTheBufferIsFull() {
        try (ConfigurableApplicationContext context = start("max-buffered=10", "max-in-flight=10")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            ConcurrentLinkedQueue<CompletableFuture<?>> audits = new ConcurrentLinkedQueue<>();
            List<CompletableFuture<Void>> sends = IntStream.range(0, 400)
                    .mapToObj(i -> template.send("records", "value-" + i)
                            .thenAccept(sent -> audits.add(template.send("audit", "audit-" + i))))
                    .toList();

            assertThat(CompletableFuture.allOf(sends.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(30));
            assertThat(audits).hasSize(400);
            assertThat(CompletableFuture.allOf(audits.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(30));
            assertThat(template.stats().ended(SendOutcome.DELIVERED)).isEqualTo(800);
        }
    }

    /** Two for each: there is a place for one. */
    @Test
    void aCallbackThatSendsMoreThanThereIsRoomForIsRefusedAtOnce() {
        try (ConfigurableApplicationContext context =
                start("max-buffered=5", "max-in-flight=1", "linger=1ms", "max-block=1h")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            ConcurrentLinkedQueue<CompletableFuture<?>> audits = new ConcurrentLinkedQueue<>();
            List<CompletableFuture<Void>> sends = IntStream.range(0, 50)
                    .mapToObj(i -> template.send("records", "value-" + i)
                            .thenAccept(sent -> IntStream.range(0, 10)
                                    .forEach(audit -> audits.add(template.send("audit", "audit-" + audit)))))
                    .toList();

            assertThat(CompletableFuture.allOf(sends.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(30));
            Awaitility.await().until(() -> audits.stream().allMatch(CompletableFuture::isDone));
            assertThat(template.stats().ended(SendOutcome.REJECTED)).isPositive();
            assertThat(template.stats().ended(SendOutcome.DELIVERED)).isGreaterThanOrEqualTo(100);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aCallbackMayCloseTheContext(boolean plain) {
        ConfigurableApplicationContext context = start("flush-timeout=5s", "max-in-flight=2");
        KafkaTemplate<Object, Object> template =
                plain ? context.getBean("kafkaTemplate", KafkaTemplate.class) : ProducerApp.template(context);
        CompletableFuture<Duration> closed = new CompletableFuture<>();
        template.send("closing", "first").whenComplete((sent, failed) -> {
            long before = System.nanoTime();
            context.close();
            closed.complete(Duration.ofNanos(System.nanoTime() - before));
        });
        List<CompletableFuture<SendResult<Object, Object>>> others = IntStream.range(0, 10)
                .mapToObj(i -> template.send("closing", "value-" + i))
                .toList();

        assertThat(closed)
                .succeedsWithin(Duration.ofSeconds(10))
                .satisfies(took -> assertThat(took).isLessThan(Duration.ofSeconds(5)));
        Awaitility.await().until(() -> others.stream().allMatch(CompletableFuture::isDone));
    }

    /** It is freed when the report has come: until then Kafka's own thread can neither send nor close. */
    @Test
    void whatACallbackHoldsUpPastTheDeadlineIsInTheSpool(@TempDir Path directory) throws Exception {
        String spool = "spool-directory=" + directory;
        ConfigurableApplicationContext context =
                ProducerApp.start(broker.getBrokersAsString(), List.of(Frees.class), spool, "flush-timeout=1s");
        BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
        Frees frees = context.getBean(Frees.class);
        List<ProducerFlushReport> flushes = context.getBean(ProducerApp.class).flushes;
        CompletableFuture<Void> held = template.send("held", "first").thenAccept(sent -> frees.hold());
        assertThat(frees.holds.await(30, TimeUnit.SECONDS)).isTrue();
        frees.others = IntStream.range(0, 20)
                .mapToObj(i -> template.send("held", "value-" + i))
                .toList();

        context.close();

        assertThat(held).succeedsWithin(Duration.ofSeconds(10));
        assertThat(frees.endedWithTheFlush).isEqualTo(20);
        assertThat(flushes).singleElement().satisfies(report -> {
            assertThat(report.spooled()).isEqualTo(20);
            assertThat(report.keptAll()).isTrue();
        });
        assertThat(template.stats().ended(SendOutcome.SPOOLED)).isEqualTo(20);
        try (ConfigurableApplicationContext next = start(spool)) {
            assertThat(ProducerApp.template(next).send("held", "next")).succeedsWithin(Duration.ofSeconds(30));
        }
        List<String> sent = new ArrayList<>(List.of("first"));
        IntStream.range(0, 20).forEach(i -> sent.add("value-" + i));
        sent.add("next");
        assertThat(TopicReader.values(broker.getBrokersAsString(), "held")).isEqualTo(sent);
    }

    @Test
    void aCallbackIsRefusedAFlush() {
        try (ConfigurableApplicationContext context = start()) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);

            CompletableFuture<Throwable> refusal = template.send("flushing", "value")
                    .thenAccept(sent -> template.flush())
                    .handle((done, failure) -> failure);

            assertThat(refusal)
                    .succeedsWithin(Duration.ofSeconds(10))
                    .satisfies(thrown -> assertThat(thrown).hasRootCauseInstanceOf(KafkaException.class));
        }
    }

    /** A record that cannot be serialized fails on the sender's thread. */
    @Test
    void aCallbackOnTheSendersThreadDoesNotWaitForItself() {
        try (ConfigurableApplicationContext context =
                start("max-buffered=2", "max-in-flight=100", "linger=50ms", "batch-size=2", "max-block=1h")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            CompletableFuture<Object> after = new CompletableFuture<>();

            template.send("poison", 42).whenComplete((sent, failed) -> {
                for (int i = 0; i < 5; i++) {
                    template.send("poison", "after-" + i);
                }
                after.complete(failed);
            });

            assertThat(after).succeedsWithin(Duration.ofSeconds(10));
            assertThat(template.send("poison", "last")).succeedsWithin(Duration.ofSeconds(10));
        }
    }

    /** As a web server's request that is in flight, an asynchronous method, or a scheduled one. */
    @Test
    void whatIsSentWhileOthersStopIsDelivered() {
        ConfigurableApplicationContext context =
                ProducerApp.start(broker.getBrokersAsString(), List.of(Request.class), "linger=1h");

        context.close();

        assertThat(TopicReader.values(broker.getBrokersAsString(), "requests")).hasSize(5);
    }

    @Test
    void aListenerOfTheBuffersStateMaySendAndMayFailWithAnError() {
        try (ConfigurableApplicationContext context = ProducerApp.start(
                broker.getBrokersAsString(),
                List.of(SendsOnStates.class),
                "max-buffered=10",
                "max-in-flight=5",
                "batch-size=5")) {
            BackpressuredKafkaTemplate<Object, Object> template = ProducerApp.template(context);
            List<CompletableFuture<SendResult<Object, Object>>> sends = IntStream.range(0, 300)
                    .mapToObj(i -> template.send("states", "value-" + i))
                    .toList();

            assertThat(CompletableFuture.allOf(sends.toArray(CompletableFuture[]::new)))
                    .succeedsWithin(Duration.ofSeconds(30));
            template.flush();
        }
    }

    private ConfigurableApplicationContext start(String... properties) {
        return ProducerApp.start(broker.getBrokersAsString(), List.of(), properties);
    }

    @Configuration(proxyBeanMethods = false)
    static class Frees {

        final CountDownLatch holds = new CountDownLatch(1);

        volatile List<CompletableFuture<SendResult<Object, Object>>> others = List.of();

        volatile long endedWithTheFlush;

        private final CountDownLatch freed = new CountDownLatch(1);

        void hold() {
            holds.countDown();
            try {
                freed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @EventListener
        void on(ProducerFlushReport report) {
            endedWithTheFlush = others.stream()
                    .filter(CompletableFuture::isCompletedExceptionally)
                    .count();
            freed.countDown();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Request {

        @Bean
        SmartLifecycle webServer(BackpressuredKafkaTemplate<Object, Object> template) {
            return new SmartLifecycle() {

                private boolean running;

                @Override
                public void start() {
                    running = true;
                }

                @Override
                public void stop() {
                    Thread request = new Thread(
                            () -> IntStream.range(0, 5).forEach(i -> template.send("requests", "value-" + i)));
                    request.start();
                    try {
                        request.join(TimeUnit.SECONDS.toMillis(30));
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    running = false;
                }

                @Override
                public boolean isRunning() {
                    return running;
                }

                @Override
                public int getPhase() {
                    return Integer.MAX_VALUE - 2048;
                }
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class SendsOnStates {

        private final BackpressuredKafkaTemplate<Object, Object> template;

        @SuppressWarnings("unchecked")
        SendsOnStates(BackpressuredKafkaTemplate<?, ?> template) {
            this.template = (BackpressuredKafkaTemplate<Object, Object>) template;
        }

        @EventListener
        void on(BufferStateEvent event) {
            template.trySend(new ProducerRecord<>("states", "state"));
            throw new AssertionError("of a listener");
        }
    }
}
