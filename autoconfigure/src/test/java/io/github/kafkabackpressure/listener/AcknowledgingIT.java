package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.aopalliance.intercept.MethodInterceptor;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.AbstractConsumerSeekAware;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.ManualAckListenerErrorHandler;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.Message;
import org.springframework.util.backoff.FixedBackOff;

/** Records that end later than their method, and what could keep their end from counting. */
@EmbeddedKafka(partitions = 1)
class AcknowledgingIT {

    private final EmbeddedKafkaBroker broker;

    AcknowledgingIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    private ConfigurableApplicationContext start(List<Class<?>> classes, String... properties) {
        return TestApp.start(broker.getBrokersAsString(), classes, properties);
    }

    @SuppressWarnings("unchecked")
    private static void send(ConfigurableApplicationContext context, String topic, String value) {
        context.getBean(KafkaTemplate.class).send(topic, "key", value);
    }

    private long committed(String group) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.getBrokersAsString()))) {
            var offset = admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata()
                    .get(10, TimeUnit.SECONDS)
                    .get(new TopicPartition(group, 0));
            return offset == null ? 0 : offset.offset();
        }
    }

    static class ByHeader {

        final Queue<Acknowledgment> acknowledgments = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "by-header", topics = "by-header")
        void handle(Message<String> message) {
            acknowledgments.add(message.getHeaders().get(KafkaHeaders.ACKNOWLEDGMENT, Acknowledgment.class));
        }
    }

    @Test
    void anAcknowledgmentFromTheHeadersEndsTheRecordWhereTheAckModeIsManual() throws Exception {
        try (ConfigurableApplicationContext context =
                start(List.of(ByHeader.class), "spring.kafka.listener.ack-mode=manual")) {
            Queue<Acknowledgment> acknowledgments = context.getBean(ByHeader.class).acknowledgments;
            send(context, "by-header", "value");
            await().until(() -> acknowledgments.size() == 1);
            await().during(Duration.ofMillis(500)).until(() -> committed("by-header") == 0);

            acknowledgments.remove().acknowledge();

            await().until(() -> committed("by-header") == 1);
        }
    }

    static class Interrupting {

        final Queue<Long> attempts = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "interrupting", topics = "interrupting")
        void handle(String value, Acknowledgment acknowledgment) {
            attempts.add(System.nanoTime());
            Thread.currentThread().interrupt(); // as it is done after an InterruptedIOException
            if (attempts.size() == 1) {
                throw new IllegalStateException(value);
            }
            CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS).execute(acknowledgment::acknowledge);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OneRetry {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(600, 2));
        }
    }

    @Test
    void anInterruptThatTheMethodLeavesBehindCutsNeitherTheBackOffNorTheWaitForTheEndShort() throws Exception {
        try (ConfigurableApplicationContext context = start(List.of(OneRetry.class, Interrupting.class))) {
            send(context, "interrupting", "value");
            await().until(() -> committed("interrupting") == 1);
            List<Long> attempts = List.copyOf(context.getBean(Interrupting.class).attempts);
            assertThat(attempts).hasSize(2);
            assertThat(attempts.get(1) - attempts.get(0)).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(590));
        }
    }

    static class InterruptedWhileItWaits {

        final Queue<String> attempts = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "watched", topics = "watched")
        void handle(String value, Acknowledgment acknowledgment) {
            attempts.add(value);
            if (attempts.size() == 1) {
                throw new IllegalStateException(value);
            }
            Thread worker = Thread.currentThread();
            CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS).execute(worker::interrupt);
            CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS).execute(acknowledgment::acknowledge);
        }
    }

    @Test
    void anInterruptByAnotherThreadDoesNotCutTheWaitForTheEndShort() throws Exception {
        try (ConfigurableApplicationContext context = start(List.of(OneRetry.class, InterruptedWhileItWaits.class))) {
            send(context, "watched", "value");
            await().until(() -> committed("watched") == 1);
            assertThat(context.getBean(InterruptedWhileItWaits.class).attempts).hasSize(2);
        }
    }

    static class Collecting {

        final Queue<String> attempts = new ConcurrentLinkedQueue<>();

        final Queue<Acknowledgment> collected = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(
                id = "collecting",
                topics = "collecting",
                ordering = Ordering.UNORDERED,
                maxConcurrency = "1")
        void handle(String value, Acknowledgment acknowledgment) {
            attempts.add(value);
            if (attempts.size() == 1) {
                acknowledgment.nack(Duration.ZERO);
                return;
            }
            collected.add(acknowledgment);
            if (collected.size() == 3) {
                collected.forEach(Acknowledgment::acknowledge);
            }
        }
    }

    @Test
    void aRecordThatIsTriedAgainAndAcknowledgedLaterLeavesItsSlotToOthers() throws Exception {
        try (ConfigurableApplicationContext context = start(List.of(Collecting.class))) {
            for (int i = 0; i < 3; i++) {
                send(context, "collecting", "value " + i);
            }
            await().until(() -> committed("collecting") == 3);
            assertThat(context.getBean(Collecting.class).attempts).hasSize(4);
        }
    }

    static class SeekingBack extends AbstractConsumerSeekAware {

        final Queue<String> handled = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "seeking-back", topics = "seeking-back")
        void handle(String value, Acknowledgment acknowledgment) {
            handled.add(value);
            if (handled.size() == 1) {
                seekToBeginning(); // and never acknowledges what comes again
            } else {
                acknowledgment.acknowledge();
            }
        }
    }

    static class BatchSeekingBack extends AbstractConsumerSeekAware {

        final Queue<String> handled = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "batch-seeking-back", topics = "batch-seeking-back", batch = "true")
        void handle(List<String> values, Acknowledgment acknowledgment) {
            handled.addAll(values);
            if (handled.size() == 1) {
                seekToBeginning();
            } else {
                acknowledgment.acknowledge();
            }
        }
    }

    @Test
    void whatIsNotAcknowledgedBeforeASeekHoldsUpNothingAfterIt() throws Exception {
        try (ConfigurableApplicationContext context = start(List.of(SeekingBack.class, BatchSeekingBack.class))) {
            send(context, "seeking-back", "value");
            send(context, "batch-seeking-back", "value");
            await().until(() -> committed("seeking-back") == 1);
            await().until(() -> committed("batch-seeking-back") == 1);
            assertThat(context.getBean(SeekingBack.class).handled).containsExactly("value", "value");
            assertThat(context.getBean(BatchSeekingBack.class).handled).containsExactly("value", "value");
        }
    }

    static class AcknowledgedByItsErrorHandler {

        final Queue<String> attempts = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "error-handled", topics = "error-handled", errorHandler = "acknowledging")
        CompletableFuture<Void> handle(String value) {
            attempts.add(value);
            return CompletableFuture.runAsync(
                    () -> {
                        throw new IllegalStateException(value);
                    },
                    CompletableFuture.delayedExecutor(100, TimeUnit.MILLISECONDS));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class AcknowledgingErrorHandler {

        @Bean
        ManualAckListenerErrorHandler acknowledging() {
            return (message, exception, consumer, acknowledgment) -> {
                acknowledgment.acknowledge();
                return null;
            };
        }
    }

    @Test
    void anErrorHandlerOfTheListenerMayAcknowledgeAFailedResult() throws Exception {
        try (ConfigurableApplicationContext context =
                start(List.of(AcknowledgingErrorHandler.class, AcknowledgedByItsErrorHandler.class))) {
            send(context, "error-handled", "value");
            await().until(() -> committed("error-handled") == 1);
            assertThat(context.getBean(AcknowledgedByItsErrorHandler.class).attempts)
                    .hasSize(1);
        }
    }

    static class Late {

        final List<CompletableFuture<Void>> results = new CopyOnWriteArrayList<>();

        @BackpressuredListener(id = "late", topics = "late")
        CompletableFuture<Void> handle(String value) {
            CompletableFuture<Void> result = new CompletableFuture<>();
            if (results.size() == 1) {
                result.completeExceptionally(new IllegalStateException("the second attempt fails"));
            }
            results.add(result);
            return result;
        }
    }

    @Test
    void aResultThatFailsLateIsNotThatOfALaterAttempt() throws Exception {
        try (ConfigurableApplicationContext context =
                start(List.of(OneRetry.class, Late.class), "kafka.backpressure.listeners.late.handler-timeout=1s")) {
            List<CompletableFuture<Void>> results = context.getBean(Late.class).results;
            send(context, "late", "value");
            await().pollInterval(Duration.ofMillis(10)).until(() -> results.size() == 3);
            results.get(0).completeExceptionally(new IllegalStateException("the first attempt fails at last"));
            await().during(Duration.ofMillis(300)).until(() -> committed("late") == 0);
            results.get(2).complete(null);
            await().until(() -> committed("late") == 1);
            assertThat(results).hasSize(3);
        }
    }

    static class Advised {

        final Queue<String> attempts = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "advised", topics = "advised")
        CompletableFuture<Void> handle(String value) {
            attempts.add(value);
            return attempts.size() == 1
                    ? CompletableFuture.failedFuture(new IllegalStateException(value))
                    : CompletableFuture.completedFuture(null);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Advice {

        final Queue<String> calls = new ConcurrentLinkedQueue<>();

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> adviser() {
            return container -> container.getContainerProperties().setAdviceChain((MethodInterceptor) invocation -> {
                calls.add(invocation.getMethod().getName());
                return invocation.proceed();
            });
        }
    }

    @Test
    void aFailedResultOfAListenerWithAnAdviceChainIsTriedAgain() throws Exception {
        try (ConfigurableApplicationContext context = start(List.of(OneRetry.class, Advice.class, Advised.class))) {
            send(context, "advised", "value");
            await().until(() -> committed("advised") == 1);
            assertThat(context.getBean(Advised.class).attempts).containsExactly("value", "value");
            assertThat(context.getBean(Advice.class).calls).contains("onMessage");
        }
    }
}
