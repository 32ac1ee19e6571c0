package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
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
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.PayloadApplicationEvent;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.kafka.support.LoggingProducerListener;
import org.springframework.kafka.support.ProducerListener;
import org.springframework.kafka.support.SendResult;

/** A template, the producers of its factory, and who is told of its records. */
@Timeout(60)
@ExtendWith(OutputCaptureExtension.class)
class TemplateAndFactoryTests {

    private static BackpressuredKafkaTemplate<String, String> template(FakeFactory factory, ProducerOptions options) {
        return new BackpressuredKafkaTemplate<>("template", factory, options, ProducerMetrics.NOOP);
    }

    private static ProducerOptions options(Duration linger, ProducerOptions.@Nullable SpoolOptions spool) {
        ProducerOptions usual = ProducerOptions.defaults();
        return new ProducerOptions(
                usual.limits(),
                usual.overflow(),
                usual.maxBlock(),
                usual.maxInFlight(),
                new ProducerOptions.Batching(1000, linger),
                usual.priorities(),
                null,
                null,
                spool,
                Duration.ofMillis(200));
    }

    @Test
    void aProducerThatHasReachedItsAgeIsReplaced() {
        FakeFactory factory = FakeFactory.of(true);
        factory.setMaxAge(Duration.ofMillis(1));
        BackpressuredKafkaTemplate<String, String> template = template(factory, ProducerOptions.defaults());
        List<CompletableFuture<SendResult<String, String>>> sends = new ArrayList<>();

        Awaitility.await().until(() -> {
            sends.add(template.send("topic", "value"));
            return factory.made.size() > 1;
        });

        assertThat(factory.made.get(0).closed()).isTrue();
        assertThat(sends).allMatch(send -> send.isDone() && !send.isCompletedExceptionally());
    }

    @Test
    void withAProducerForEachThreadAFlushIsOfTheOneThatHasTheRecords() {
        FakeFactory factory = FakeFactory.of(false);
        factory.setProducerPerThread(true);
        BackpressuredKafkaTemplate<String, String> template =
                template(factory, options(Duration.ofHours(1), null)); // so that another thread hands over
        CompletableFuture<SendResult<String, String>> send = template.send("topic", "value");

        template.flush();

        assertThat(send).isCompleted();
        assertThat(factory.made).hasSize(1);
    }

    @Test
    void firstSendersAtTheSameTimeOpenOneProducer() throws Exception {
        CountDownLatch opens = new CountDownLatch(1);
        CountDownLatch mayOpen = new CountDownLatch(1);
        FakeFactory factory = new FakeFactory(() -> {
            opens.countDown();
            try {
                assertThat(mayOpen.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException lookedForTheTopic) {
                throw new AssertionError(lookedForTheTopic);
            }
            return new MockProducer<>(true, null, new StringSerializer(), new StringSerializer());
        });
        factory.setProducerPerThread(true);
        BackpressuredKafkaTemplate<String, String> template = template(factory, ProducerOptions.defaults());
        List<CompletableFuture<SendResult<String, String>>> sends = new CopyOnWriteArrayList<>();
        List<Thread> senders = IntStream.range(0, 2)
                .mapToObj(i -> new Thread(() -> sends.add(template.send("topic", "value-" + i))))
                .toList();
        senders.get(0).start();
        assertThat(opens.await(30, TimeUnit.SECONDS)).isTrue();
        senders.get(1).start();
        Awaitility.await()
                .until(() -> senders.get(1).getState() == Thread.State.BLOCKED
                        || senders.get(1).getState() == Thread.State.TIMED_WAITING);

        mayOpen.countDown();

        for (Thread sender : senders) {
            sender.join();
        }
        assertThat(sends).hasSize(2).allMatch(send -> send.isDone() && !send.isCompletedExceptionally());
        assertThat(factory.made).hasSize(1);
        assertThat(factory.made.get(0).history()).hasSize(2);
    }

    @Test
    void anInterceptorThatThrowsDoesNotKeepTheListenerFromBeingTold() {
        FakeFactory factory = FakeFactory.of(false);
        BackpressuredKafkaTemplate<String, String> template = template(factory, ProducerOptions.defaults());
        Told told = new Told();
        template.setProducerListener(told);
        template.setProducerInterceptor(new Throwing());
        CompletableFuture<SendResult<String, String>> good = template.send("topic", "good");
        CompletableFuture<SendResult<String, String>> bad = template.send("topic", "bad");
        MockProducer<String, String> kafka = factory.made.get(0);

        kafka.completeNext();
        kafka.errorNext(new TimeoutException("in this test"));

        assertThat(good).isCompleted();
        assertThat(bad).isCompletedExceptionally();
        assertThat(told.successes).containsExactly("good");
        assertThat(told.failures).containsExactly("bad");
    }

    @Test
    void templatesThatWereMadeWhileTheContextRanLeaveNothingBehind() {
        try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
            context.registerBean(LiveProducers.class, () -> new LiveProducers());
            context.registerBean(FakeFactory.class, () -> FakeFactory.of(true));
            context.refresh();
            LiveProducers live = context.getBean(LiveProducers.class);
            FakeFactory factory = context.getBean(FakeFactory.class);
            int listeners = factory.getListeners().size();
            int postProcessors = factory.getPostProcessors().size();
            for (int i = 0; i < 3; i++) {
                BackpressuredKafkaTemplate<String, String> template = template(factory, ProducerOptions.defaults());
                context.getAutowireCapableBeanFactory().initializeBean(template, "template-" + i);
                assertThat(live.templates().stream().anyMatch(known -> known == template))
                        .isTrue();
                assertThat(template.send("topic", "value")).isCompleted();
                context.getAutowireCapableBeanFactory().destroyBean(template);
            }

            assertThat(live.templates()).isEmpty();
            assertThat(factory.getListeners()).hasSize(listeners);
            assertThat(factory.getPostProcessors()).hasSize(postProcessors);
            assertThat(live.all(foreign -> false)).hasSize(1);
            factory.reset();
            assertThat(live.all(foreign -> false)).isEmpty();
        }
    }

    @Test
    void nobodyIsToldOfAFailureWhenARecordIsSpooled(@TempDir Path directory, CapturedOutput output) {
        FakeFactory factory = new FakeFactory(Away::new);
        Told told = new Told();
        BackpressuredKafkaTemplate<String, String> spools =
                template(factory, options(Duration.ZERO, new ProducerOptions.SpoolOptions(directory, 1 << 20)));
        BackpressuredKafkaTemplate<String, String> loses = template(factory, options(Duration.ZERO, null));
        spools.setProducerListener(told);
        loses.setProducerListener(new LoggingProducerListener<>());
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.registerBean(LiveProducers.class, () -> new LiveProducers());
        context.registerBean(FakeFactory.class, () -> factory);
        context.registerBean("spools", BackpressuredKafkaTemplate.class, () -> spools);
        context.registerBean("loses", BackpressuredKafkaTemplate.class, () -> loses);
        context.registerBean(
                ProducerFlushLifecycle.class,
                () -> new ProducerFlushLifecycle(
                        context.getBean(LiveProducers.class), Duration.ofMillis(200), ProducerMetrics.NOOP, context));
        context.refresh();
        List<CompletableFuture<SendResult<String, String>>> kept = IntStream.range(0, 20)
                .mapToObj(i -> spools.send("topic", "key-4111\nERROR forged", "card-4111"))
                .toList();
        CompletableFuture<SendResult<String, String>> lost = loses.send("topic", "key-4111", "card-4111");
        // The spool is looked at before the first of them.
        Awaitility.await().until(() -> spools.stats().inFlight() == 20);

        context.close();

        assertThat(kept).allSatisfy(send -> assertThat(outcome(send)).isEqualTo(SendOutcome.SPOOLED));
        assertThat(outcome(lost)).isEqualTo(SendOutcome.NOT_DELIVERED);
        assertThat(told.failures).isEmpty();
        assertThat(output).contains("1 is lost, 20 are kept in the spool").doesNotContain("was not sent", "4111");
    }

    @Test
    void aShutdownThatKeepsAllThatItCannotDeliverIsNoError(@TempDir Path directory, CapturedOutput output) {
        FakeFactory factory = new FakeFactory(Away::new);
        BackpressuredKafkaTemplate<String, String> template =
                template(factory, options(Duration.ZERO, new ProducerOptions.SpoolOptions(directory, 1 << 20)));
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.registerBean(LiveProducers.class, () -> new LiveProducers());
        context.registerBean(FakeFactory.class, () -> factory);
        context.registerBean("template", BackpressuredKafkaTemplate.class, () -> template);
        context.registerBean(
                ProducerFlushLifecycle.class,
                () -> new ProducerFlushLifecycle(
                        context.getBean(LiveProducers.class), Duration.ofMillis(200), ProducerMetrics.NOOP, context));
        context.refresh();
        for (int i = 0; i < 20; i++) {
            template.send("topic", "key", "value");
        }
        Awaitility.await().until(() -> template.stats().inFlight() == 20);

        context.close();

        assertThat(output.toString().lines().filter(line -> line.contains("20 are kept in the spool")))
                .hasSize(1)
                .allMatch(line -> line.contains(" WARN "));
        assertThat(output.toString().lines()).noneMatch(line -> line.contains(" ERROR "));
    }

    @Test
    void aFlushHasItsOwnTimeHoweverLongTheDrainBeforeItTook() {
        Duration flushTimeout = Duration.ofSeconds(2);
        CountDownLatch flushes = new CountDownLatch(1);
        FakeFactory factory =
                new FakeFactory(() -> new MockProducer<>(false, null, new StringSerializer(), new StringSerializer()) {

                    @Override
                    public void flush() {
                        if (closed()) {
                            return; // as Kafka's own
                        }
                        flushes.countDown();
                        try {
                            TimeUnit.MILLISECONDS.sleep(200); // a broker that answers
                        } catch (InterruptedException e) {
                            throw new InterruptException(e);
                        }
                        super.flush();
                    }
                });
        BackpressuredKafkaTemplate<String, String> template = template(factory, ProducerOptions.defaults());
        List<ProducerFlushReport> reports = new ArrayList<>();
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.registerBean(LiveProducers.class, () -> new LiveProducers());
        context.registerBean(FakeFactory.class, () -> factory);
        context.registerBean("template", BackpressuredKafkaTemplate.class, () -> template);
        context.registerBean(
                ProducerFlushLifecycle.class,
                () -> new ProducerFlushLifecycle(
                        context.getBean(LiveProducers.class), flushTimeout, ProducerMetrics.NOOP, context));
        context.registerBean(Draining.class, () -> new Draining(flushTimeout.plusMillis(100)));
        context.addApplicationListener(event -> {
            if (event instanceof PayloadApplicationEvent<?> payload
                    && payload.getPayload() instanceof ProducerFlushReport report) {
                reports.add(report);
            }
        });
        context.refresh();
        CompletableFuture<SendResult<String, String>> send = template.send("topic", "value");

        context.close();

        assertThat(flushes.getCount()).isZero();
        assertThat(send).isCompleted();
        assertThat(reports).singleElement().satisfies(report -> {
            assertThat(report.complete()).isTrue();
            assertThat(report.delivered()).isEqualTo(1);
            assertThat(report.took()).isBetween(Duration.ofMillis(200), flushTimeout);
        });
    }

    /** Stops before the producers are flushed, and takes its time for it. */
    private static final class Draining implements SmartLifecycle {

        private final Duration time;
        private volatile boolean running;

        private Draining(Duration time) {
            this.time = time;
        }

        @Override
        public void start() {
            running = true;
        }

        @Override
        public void stop() {
            running = false;
            try {
                Thread.sleep(time.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public boolean isRunning() {
            return running;
        }
    }

    private static SendOutcome outcome(CompletableFuture<?> send) {
        assertThat(send).isCompletedExceptionally();
        return send.handle((result, failure) -> ((RecordNotSentException) failure).outcome())
                .join();
    }

    /** Acknowledges nothing, and fails what it holds when it is closed. */
    private static final class Away extends MockProducer<String, String> {

        private Away() {
            super(false, null, new StringSerializer(), new StringSerializer());
        }

        @Override
        public void flush() {
            try {
                TimeUnit.HOURS.sleep(1);
            } catch (InterruptedException e) {
                throw new InterruptException(e);
            }
        }

        @Override
        public void close(Duration timeout) {
            while (errorNext(new TimeoutException("closed"))) {}
            super.close(timeout);
        }
    }

    private static final class Told implements ProducerListener<String, String> {

        private final List<String> successes = new CopyOnWriteArrayList<>();
        private final List<String> failures = new CopyOnWriteArrayList<>();

        @Override
        public void onSuccess(ProducerRecord<String, String> record, RecordMetadata metadata) {
            successes.add(record.value());
        }

        @Override
        public void onError(
                ProducerRecord<String, String> record, @Nullable RecordMetadata metadata, @Nullable Exception failure) {
            failures.add(record.value());
        }
    }

    private static final class Throwing implements ProducerInterceptor<String, String> {

        @Override
        public ProducerRecord<String, String> onSend(ProducerRecord<String, String> record) {
            return record;
        }

        @Override
        public void onAcknowledgement(@Nullable RecordMetadata metadata, @Nullable Exception failure) {
            throw new AssertionError("of an interceptor");
        }

        @Override
        public void close() {}

        @Override
        public void configure(Map<String, ?> configs) {}
    }
}
