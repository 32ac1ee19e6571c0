package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.TestApp;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.support.micrometer.KafkaListenerObservationConvention;
import org.springframework.kafka.support.micrometer.KafkaRecordReceiverContext;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.stereotype.Component;
import org.springframework.util.backoff.FixedBackOff;
import reactor.core.publisher.Mono;

/** Whatever a method, spring-kafka's adapter or what belongs around them does or leaves out: each attempt ends. */
@EmbeddedKafka(partitions = 1)
class EndingAttemptsIT {

    private static final int RECORDS = 20;

    private static ConfigurableApplicationContext context;

    private static EmbeddedKafkaBroker broker;

    @BeforeAll
    static void start(EmbeddedKafkaBroker embedded) {
        broker = embedded;
        context = TestApp.start(
                embedded.getBrokersAsString(),
                List.of(Beans.class, Listeners.class, Mixed.class, MixedAcknowledged.class),
                "kafka.backpressure.listener.drain-timeout=20s");
    }

    @AfterAll
    static void stop() {
        context.close();
    }

    /** What happened, as {@code id value}. */
    static final class Seen {

        private final Queue<String> calls = new ConcurrentLinkedQueue<>();

        private final Queue<String> recovered = new ConcurrentLinkedQueue<>();

        private final BlockingQueue<Acknowledgment> kept = new LinkedBlockingQueue<>();
    }

    @Configuration(proxyBeanMethods = false)
    static class Beans {

        @Bean
        Seen seen() {
            return new Seen();
        }

        @Bean
        KafkaListenerErrorHandler answersNull() {
            return (message, exception) -> null;
        }

        @Bean
        KafkaListenerErrorHandler throwsAnError() {
            return (message, exception) -> {
                throw new AssertionError("the listener's error handler failed");
            };
        }

        @Bean
        ObservationRegistry observationRegistry() {
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig().observationHandler(any -> true).observationHandler(new FailingHandler());
            return registry;
        }

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> customizer(Seen seen) {
            return container -> {
                String id = container.getListenerId();
                container.setCommonErrorHandler(new DefaultErrorHandler(
                        (record, exception) -> seen.recovered.add(id + " " + record.value()), new FixedBackOff(10, 1)));
                if (id.startsWith("batch-intercepted")) {
                    container.setBatchInterceptor(new FailingBatchInterceptor(id));
                }
                if (id.equals("batch-observed")) {
                    container.getContainerProperties().setRecordObservationsInBatch(true);
                    container.getContainerProperties().setObservationEnabled(true);
                    container.getContainerProperties().setObservationConvention(new FailingConvention());
                }
                if (id.startsWith("intercepted")) {
                    container.setRecordInterceptor(new FailingInterceptor(id));
                }
                if (id.startsWith("observed")) {
                    container.getContainerProperties().setObservationEnabled(true);
                }
                if (id.equals("observed")) {
                    container.getContainerProperties().setObservationConvention(new FailingConvention());
                }
            };
        }
    }

    /** Fails in one of its methods. */
    static final class FailingHandler implements ObservationHandler<KafkaRecordReceiverContext> {

        private static void failIn(String where, KafkaRecordReceiverContext context) {
            if (context.getListenerId().startsWith(where)) {
                throw new IllegalStateException("the observation's handler failed");
            }
        }

        @Override
        public void onScopeOpened(KafkaRecordReceiverContext of) {
            failIn("observed-opening", of);
        }

        @Override
        public void onScopeClosed(KafkaRecordReceiverContext of) {
            failIn("observed-closing", of);
        }

        @Override
        public void onError(KafkaRecordReceiverContext of) {
            failIn("observed-error", of);
        }

        @Override
        public boolean supportsContext(Observation.Context of) {
            return of instanceof KafkaRecordReceiverContext;
        }
    }

    /** Fails for each second record in one of its methods. */
    static final class FailingInterceptor implements RecordInterceptor<Object, Object> {

        private final String where;

        private int calls;

        FailingInterceptor(String where) {
            this.where = where;
        }

        private void fail(String here) {
            if (where.endsWith(here) && calls++ == 0) {
                throw new IllegalStateException("the interceptor fails: " + here);
            }
        }

        @Override
        public void setupThreadState(Consumer<?, ?> consumer) {
            fail("setup");
        }

        @Override
        public ConsumerRecord<Object, Object> intercept(
                ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            return record;
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            fail("clear");
        }
    }

    /** Fails once in one of its methods. */
    static final class FailingBatchInterceptor implements BatchInterceptor<Object, Object> {

        private final String where;

        private int calls;

        FailingBatchInterceptor(String where) {
            this.where = where;
        }

        private void fail(String here) {
            if (where.endsWith(here) && calls++ == 0) {
                throw new IllegalStateException("the interceptor fails: " + here);
            }
        }

        @Override
        public void setupThreadState(Consumer<?, ?> consumer) {
            fail("setup");
        }

        @Override
        public ConsumerRecords<Object, Object> intercept(
                ConsumerRecords<Object, Object> records, Consumer<Object, Object> consumer) {
            fail("call");
            return records;
        }

        @Override
        public void success(ConsumerRecords<Object, Object> records, Consumer<Object, Object> consumer) {
            fail("success");
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            fail("clear");
        }
    }

    static final class FailingConvention implements KafkaListenerObservationConvention {

        @Override
        public KeyValues getLowCardinalityKeyValues(KafkaRecordReceiverContext observed) {
            throw new IllegalStateException("the convention fails");
        }

        @Override
        public boolean supportsContext(Observation.Context observed) {
            return observed instanceof KafkaRecordReceiverContext;
        }

        @Override
        public String getName() {
            return "failing";
        }
    }

    private static boolean isTenth(String value) {
        return Integer.parseInt(value) % 10 == 0;
    }

    private static CompletableFuture<Void> failedLater(String value) {
        return CompletableFuture.runAsync(
                () -> {
                    throw new IllegalStateException(value);
                },
                CompletableFuture.delayedExecutor(5, TimeUnit.MILLISECONDS));
    }

    static class Listeners {

        private final Seen seen;

        Listeners(Seen seen) {
            this.seen = seen;
        }

        @BackpressuredListener(id = "null-future", topics = "null-future")
        CompletableFuture<String> nullFuture(String value) {
            seen.calls.add("null-future " + value);
            return isTenth(value) ? null : CompletableFuture.completedFuture(value);
        }

        @BackpressuredListener(id = "null-mono", topics = "null-mono")
        Mono<String> nullMono(String value) {
            seen.calls.add("null-mono " + value);
            return isTenth(value) ? null : Mono.delay(Duration.ofMillis(1)).thenReturn(value);
        }

        @BackpressuredListener(id = "null-batch", topics = "null-batch", batch = "true")
        CompletableFuture<String> nullBatch(List<String> values) {
            values.forEach(value -> seen.calls.add("null-batch " + value));
            return null;
        }

        @BackpressuredListener(id = "swallowed", topics = "swallowed", errorHandler = "answersNull")
        CompletableFuture<Void> swallowed(String value) {
            seen.calls.add("swallowed " + value);
            return failedLater(value);
        }

        @BackpressuredListener(id = "swallowed-at-once", topics = "swallowed-at-once", errorHandler = "answersNull")
        CompletableFuture<Void> swallowedAtOnce(String value) {
            seen.calls.add("swallowed-at-once " + value);
            throw new IllegalStateException(value);
        }

        @BackpressuredListener(
                id = "swallowed-batch",
                topics = "swallowed-batch",
                batch = "true",
                errorHandler = "answersNull")
        CompletableFuture<Void> swallowedBatch(List<String> values) {
            values.forEach(value -> seen.calls.add("swallowed-batch " + value));
            return failedLater(values.toString());
        }

        @SendTo("replies")
        @BackpressuredListener(id = "unsendable", topics = "unsendable")
        CompletableFuture<Object> unsendable(String value) {
            Iterable<Object> broken = () -> {
                throw new IllegalStateException("the reply cannot be sent");
            };
            return CompletableFuture.supplyAsync(() -> isTenth(value) ? broken : value);
        }

        @BackpressuredListener(id = "error", topics = "error", errorHandler = "throwsAnError")
        CompletableFuture<Void> error(String value) {
            return isTenth(value) ? failedLater(value) : CompletableFuture.completedFuture(null);
        }

        @BackpressuredListener(id = "intercepted-setup", topics = "intercepted-setup")
        void interceptedSetup(String value) {
            seen.calls.add("intercepted-setup " + value);
        }

        @BackpressuredListener(id = "intercepted-clear", topics = "intercepted-clear")
        void interceptedClear(String value) {
            seen.calls.add("intercepted-clear " + value);
        }

        @BackpressuredListener(id = "null-mono-batch", topics = "null-mono-batch", batch = "true")
        Mono<String> nullMonoBatch(List<String> values) {
            values.forEach(value -> seen.calls.add("null-mono-batch " + value));
            return null;
        }

        @BackpressuredListener(id = "batch-intercepted-setup", topics = "batch-intercepted-setup", batch = "true")
        void batchInterceptedSetup(List<String> values) {
            values.forEach(value -> seen.calls.add("batch-intercepted-setup " + value));
        }

        @BackpressuredListener(id = "batch-intercepted-call", topics = "batch-intercepted-call", batch = "true")
        void batchInterceptedCall(List<String> values) {
            values.forEach(value -> seen.calls.add("batch-intercepted-call " + value));
        }

        @BackpressuredListener(id = "batch-intercepted-success", topics = "batch-intercepted-success", batch = "true")
        void batchInterceptedSuccess(List<String> values) {
            values.forEach(value -> seen.calls.add("batch-intercepted-success " + value));
        }

        @BackpressuredListener(id = "batch-intercepted-clear", topics = "batch-intercepted-clear", batch = "true")
        void batchInterceptedClear(List<String> values) {
            values.forEach(value -> seen.calls.add("batch-intercepted-clear " + value));
        }

        @BackpressuredListener(id = "batch-observed", topics = "batch-observed", batch = "true")
        void batchObserved(List<String> values) {
            values.forEach(value -> seen.calls.add("batch-observed " + value));
        }

        @BackpressuredListener(id = "observed", topics = "observed")
        void observed(String value) {
            seen.calls.add("observed " + value);
        }

        @BackpressuredListener(id = "observed-opening", topics = "observed-opening")
        void observedOpening(String value) {
            seen.calls.add("observed-opening " + value);
        }

        @BackpressuredListener(id = "observed-closing", topics = "observed-closing")
        void observedClosing(String value) {
            fails("observed-closing", value);
        }

        @BackpressuredListener(id = "observed-error", topics = "observed-error")
        void observedError(String value) {
            fails("observed-error", value);
        }

        private void fails(String id, String value) {
            if (value.equals("0") || value.equals("10")) {
                throw new IllegalStateException("the method failed");
            }
            seen.calls.add(id + " " + value);
        }
    }

    @Component
    @BackpressuredListener(id = "mixed", topics = "mixed")
    static class Mixed {

        private final Seen seen;

        Mixed(Seen seen) {
            this.seen = seen;
        }

        @KafkaHandler
        CompletableFuture<Void> later(Integer other) {
            return CompletableFuture.completedFuture(null);
        }

        @KafkaHandler
        void atOnce(String value) {
            seen.calls.add("mixed " + value);
        }
    }

    @Component
    @BackpressuredListener(id = "mixed-acknowledged", topics = "mixed-acknowledged")
    static class MixedAcknowledged {

        private final Seen seen;

        MixedAcknowledged(Seen seen) {
            this.seen = seen;
        }

        @KafkaHandler
        CompletableFuture<Void> later(Integer other) {
            return CompletableFuture.completedFuture(null);
        }

        @KafkaHandler
        void acknowledged(String value, Acknowledgment acknowledgment) {
            seen.calls.add("mixed-acknowledged " + value);
            seen.kept.add(acknowledgment);
        }
    }

    @SuppressWarnings("unchecked")
    private static void send(String topic) {
        KafkaTemplate<String, String> template = context.getBean(KafkaTemplate.class);
        for (int i = 0; i < RECORDS; i++) {
            template.send(topic, "key", String.valueOf(i));
        }
    }

    private static long committed(String id) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.getBrokersAsString()))) {
            var offset = admin.listConsumerGroupOffsets(id)
                    .partitionsToOffsetAndMetadata()
                    .get(10, TimeUnit.SECONDS)
                    .get(new TopicPartition(id, 0));
            return offset == null ? 0 : offset.offset();
        }
    }

    private static List<String> recovered(String id) {
        return context.getBean(Seen.class).recovered.stream()
                .filter(line -> line.startsWith(id + " "))
                .map(line -> line.substring(id.length() + 1))
                .toList();
    }

    private static List<String> calls(String id) {
        return context.getBean(Seen.class).calls.stream()
                .filter(line -> line.startsWith(id + " "))
                .map(line -> line.substring(id.length() + 1))
                .toList();
    }

    private static List<String> all() {
        return IntStream.range(0, RECORDS).mapToObj(String::valueOf).toList();
    }

    private static BackpressuredMessageListenerContainer<?, ?> container(String id) {
        return (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
    }

    private static void awaitAllCommitted(String id) {
        await().atMost(Duration.ofSeconds(15)).until(() -> committed(id) == RECORDS);
        assertThat(container(id).getInFlight()).isZero();
        assertThat(container(id).isRunning()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null-future",
                "null-mono",
                "null-batch",
                "null-mono-batch",
                "swallowed",
                "swallowed-at-once",
                "swallowed-batch",
                "mixed"
            })
    void aRecordIsFinishedWhenItsMethodReturnsNullOrItsErrorHandlerDealsWithTheFailure(String id) {
        send(id);
        awaitAllCommitted(id);
        assertThat(calls(id)).containsExactlyElementsOf(all());
        assertThat(recovered(id)).isEmpty();

        long before = System.nanoTime();
        container(id).stop();
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(15));
        assertThat(container(id).isRunning()).isFalse();
    }

    @Test
    void aMethodThatAcknowledgesSaysWhenItsRecordsAreFinishedThoughAnotherOneOfItsClassGivesResultsLater()
            throws Exception {
        String id = "mixed-acknowledged";
        send(id);
        BlockingQueue<Acknowledgment> kept = context.getBean(Seen.class).kept;
        Acknowledgment first = kept.poll(15, TimeUnit.SECONDS);
        assertThat(kept.poll(1500, TimeUnit.MILLISECONDS)).isNull(); // longer than from one commit to the next
        assertThat(committed(id)).isZero();
        first.nack(Duration.ZERO);
        for (int record = 0; record < RECORDS; record++) {
            kept.poll(15, TimeUnit.SECONDS).acknowledge();
        }
        awaitAllCommitted(id);
        List<String> expected = new ArrayList<>(all());
        expected.add(0, "0");
        assertThat(calls(id)).containsExactlyElementsOf(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"observed-closing", "observed-error"})
    void anObservationsHandlerThatThrowsAfterTheCallDoesNotStopTheContainer(String id) {
        send(id);
        awaitAllCommitted(id);
        assertThat(recovered(id)).containsExactly("0", "10");
        assertThat(calls(id)).hasSize(RECORDS - 2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"unsendable", "error"})
    void aReplyThatCannotBeSentAndAnErrorOfTheListenersErrorHandlerAreFailures(String id) {
        send(id);
        awaitAllCommitted(id);
        assertThat(recovered(id)).containsExactly("0", "10");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "intercepted-setup",
                "intercepted-clear",
                "batch-intercepted-setup",
                "batch-intercepted-call",
                "batch-intercepted-success",
                "batch-intercepted-clear"
            })
    void anInterceptorThatThrowsAroundTheCallDoesNotStopTheContainer(String id) {
        send(id);
        awaitAllCommitted(id);
        assertThat(calls(id)).containsExactlyElementsOf(all());
    }

    @ParameterizedTest
    @ValueSource(strings = {"observed", "observed-opening", "batch-observed"})
    void theErrorHandlerDecidesOnRecordsWhoseObservationCannotBeStarted(String id) {
        send(id);
        awaitAllCommitted(id);
        assertThat(recovered(id)).containsExactlyElementsOf(all());
        assertThat(calls(id)).isEmpty();
    }
}
