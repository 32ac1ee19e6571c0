package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.test.TestApp;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Records that fail for a while, or for good, and what goes on meanwhile. */
@EmbeddedKafka(partitions = 2)
class RetryIT {

    private final EmbeddedKafkaBroker broker;

    RetryIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    private ConfigurableApplicationContext start(Class<?>... classes) {
        return TestApp.start(broker.getBrokersAsString(), List.of(classes));
    }

    @SuppressWarnings("unchecked")
    private static KafkaTemplate<String, String> template(ConfigurableApplicationContext context) {
        return context.getBean(KafkaTemplate.class);
    }

    private static BackpressuredMessageListenerContainer<?, ?> container(
            ConfigurableApplicationContext context, String id) {
        return (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
    }

    private long committed(String group, String topic, int partition) throws Exception {
        try (Admin admin = admin()) {
            var offset = admin.listConsumerGroupOffsets(group)
                    .partitionsToOffsetAndMetadata()
                    .get(10, TimeUnit.SECONDS)
                    .get(new TopicPartition(topic, partition));
            return offset == null ? 0 : offset.offset();
        }
    }

    private Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", broker.getBrokersAsString()));
    }

    @Configuration(proxyBeanMethods = false)
    static class LongBackOff {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(30_000, 5));
        }
    }

    static class BackingOff {

        final Set<String> failed = ConcurrentHashMap.newKeySet();

        final Set<String> handled = ConcurrentHashMap.newKeySet();

        @BackpressuredListener(
                id = "backing-off",
                topics = "backing-off",
                ordering = Ordering.KEY,
                maxConcurrency = "16",
                maxInFlight = "500")
        void handle(String value) {
            if (value.startsWith("fail")) {
                failed.add(value);
                throw new IllegalStateException(value);
            }
            handled.add(value);
        }
    }

    @Test
    void recordsInABackOffLeaveTheirSlotsToOthersAndDoNotHoldUpAStop() throws Exception {
        ConfigurableApplicationContext context = start(LongBackOff.class, BackingOff.class);
        BackingOff listener = context.getBean(BackingOff.class);
        for (int i = 0; i < 16; i++) {
            template(context).send("backing-off", "failing " + i, "fail " + i);
        }
        await().until(() -> listener.failed.size() == 16);
        for (int i = 0; i < 400; i++) {
            template(context).send("backing-off", "key " + i, "value " + i);
        }
        await().atMost(Duration.ofSeconds(10)).until(() -> listener.handled.size() == 400);
        assertThat(container(context, "backing-off").getInFlight()).isEqualTo(16);
        long began = System.nanoTime();
        context.close();
        assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(8));
        // The failing ones were the first of each partition.
        assertThat(committed("backing-off", "backing-off", 0)).isZero();
        assertThat(committed("backing-off", "backing-off", 1)).isZero();
    }

    @Configuration(proxyBeanMethods = false)
    static class DeadLetters {

        @Bean
        CommonErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
            return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(20, 1));
        }
    }

    static class ToFewerPartitions {

        final Queue<String> dead = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "to-fewer", topics = "to-fewer")
        void handle(String value) {
            throw new IllegalStateException(value);
        }

        @KafkaListener(id = "to-fewer-dlt", topics = "to-fewer-dlt")
        void dead(String value) {
            dead.add(value);
        }
    }

    @Test
    void aDeadLetterTopicMayHaveFewerPartitions() {
        broker.addTopics(new NewTopic("to-fewer-dlt", 1, (short) 1));
        try (ConfigurableApplicationContext context = start(DeadLetters.class, ToFewerPartitions.class)) {
            template(context).send("to-fewer", 1, "key", "of the second partition");
            Queue<String> dead = context.getBean(ToFewerPartitions.class).dead;
            await().atMost(Duration.ofSeconds(15))
                    .untilAsserted(() -> assertThat(dead).containsExactly("of the second partition"));
        }
    }

    static class ToUnwritable {

        @BackpressuredListener(id = "unwritable", topics = "unwritable")
        void handle(String value) {
            if (value.startsWith("fail")) {
                throw new IllegalStateException(value);
            }
        }
    }

    @Test
    void nothingIsCommittedPastWhatTheDeadLetterTopicDoesNotTake() throws Exception {
        broker.addTopics(new NewTopic("unwritable-dlt", 2, (short) 1).configs(Map.of("max.message.bytes", "100")));
        try (ConfigurableApplicationContext context = start(DeadLetters.class, ToUnwritable.class)) {
            template(context).send("unwritable", 0, "key", "a");
            template(context).send("unwritable", 0, "key", "fail b");
            template(context).send("unwritable", 0, "key", "c");
            await().until(() -> committed("unwritable", "unwritable", 0) == 1);
            await().during(Duration.ofSeconds(2)).until(() -> committed("unwritable", "unwritable", 0) == 1);
            assertThat(container(context, "unwritable").getInFlight()).isEqualTo(2);
            try (Admin admin = admin()) {
                admin.incrementalAlterConfigs(Map.of(
                                new ConfigResource(ConfigResource.Type.TOPIC, "unwritable-dlt"),
                                List.of(new AlterConfigOp(
                                        new ConfigEntry("max.message.bytes", "1000000"), AlterConfigOp.OpType.SET))))
                        .all()
                        .get(10, TimeUnit.SECONDS);
            }
            await().atMost(Duration.ofSeconds(15)).until(() -> committed("unwritable", "unwritable", 0) == 3);
            await().until(() -> container(context, "unwritable").getInFlight() == 0);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class AMinuteOfBackOff {

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(new FixedBackOff(60_000, 5));
        }

        @Bean
        NewTopic poisoned() {
            return new NewTopic("poisoned", 3, (short) 1);
        }
    }

    static class Poisoned {

        final Set<String> failed = ConcurrentHashMap.newKeySet();

        final Set<String> handled = ConcurrentHashMap.newKeySet();

        @BackpressuredListener(id = "poisoned", topics = "poisoned", ordering = Ordering.KEY)
        void handle(String value) {
            if (value.startsWith("fail")) {
                failed.add(value);
                throw new IllegalStateException(value);
            }
            handled.add(value);
        }
    }

    @Test
    void manyRecordsInALongBackOffHoldFewThreadsAndLeaveRoomToOtherPartitions() {
        try (ConfigurableApplicationContext context = start(AMinuteOfBackOff.class, Poisoned.class)) {
            KafkaTemplate<String, String> template = template(context);
            for (int i = 0; i < 3000; i++) {
                template.send("poisoned", 0, "key " + i, "fail " + i);
            }
            template.flush();
            Poisoned listener = context.getBean(Poisoned.class);
            await().until(() -> listener.failed.size() >= 400);
            await().during(Duration.ofMillis(500)).until(() -> listener.failed.size() < 1000);
            assertThat(Thread.getAllStackTraces().keySet().stream()
                            .filter(thread -> thread.getName().startsWith("poisoned-")))
                    .hasSizeLessThan(150);

            for (int i = 0; i < 50; i++) {
                template.send("poisoned", 1 + i % 2, "good key " + i, "good " + i);
            }
            await().atMost(Duration.ofSeconds(10)).until(() -> listener.handled.size() == 50);
            assertThat(listener.failed).hasSizeLessThan(1000);

            long begun = System.nanoTime();
            container(context, "poisoned").stop();
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(5));
            assertThat(container(context, "poisoned").getInFlight()).isZero();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class AMomentOfBackOff {

        final List<Integer> attempts = new CopyOnWriteArrayList<>();

        @Bean
        CommonErrorHandler errorHandler() {
            DefaultErrorHandler handler =
                    new DefaultErrorHandler((record, exception) -> attempts.add(-1), new FixedBackOff(50, 3));
            handler.setRetryListeners((record, exception, attempt) -> attempts.add(attempt));
            return handler;
        }
    }

    static class Retried {

        final Set<Thread> threads = ConcurrentHashMap.newKeySet();

        @BackpressuredListener(id = "retried", topics = "retried", ordering = Ordering.KEY)
        void handle(String value) {
            threads.add(Thread.currentThread());
            throw new IllegalStateException(value);
        }
    }

    @Test
    void attemptsAreCountedWhicheverWorkersMakeThem() {
        try (ConfigurableApplicationContext context = start(AMomentOfBackOff.class, Retried.class)) {
            template(context).send("retried", "key", "value");
            AMomentOfBackOff errors = context.getBean(AMomentOfBackOff.class);
            await().until(() -> errors.attempts.contains(-1));
            assertThat(errors.attempts).containsExactly(1, 2, 3, 4, -1);
            await().until(() -> container(context, "retried").getInFlight() == 0);
        }
    }

    static class EndedLater {

        final Queue<Acknowledgment> first = new ConcurrentLinkedQueue<>();

        final Queue<Acknowledgment> second = new ConcurrentLinkedQueue<>();

        final Set<String> attempted = ConcurrentHashMap.newKeySet();

        final CountDownLatch release = new CountDownLatch(1);

        final AtomicInteger holding = new AtomicInteger();

        @BackpressuredListener(
                id = "ended-later",
                topics = "ended-later",
                ordering = Ordering.UNORDERED,
                maxConcurrency = "2")
        void handle(String value, Acknowledgment acknowledgment) throws InterruptedException {
            if (value.startsWith("hold")) {
                holding.incrementAndGet();
                release.await();
                acknowledgment.acknowledge();
            } else {
                (attempted.add(value) ? first : second).add(acknowledgment);
            }
        }

        static long threads() {
            return Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("ended-later-"))
                    .count();
        }
    }

    /** For a worker first, then for the end of their second attempts; also where the handler has been asked before. */
    @Test
    void recordsThatFailAfterTheirMethodsHaveReturnedHoldNoThreadWhileTheyWait() throws Exception {
        try (ConfigurableApplicationContext context = start(AMomentOfBackOff.class, EndedLater.class)) {
            EndedLater listener = context.getBean(EndedLater.class);
            KafkaTemplate<String, String> template = template(context);
            for (int i = 0; i < 300; i++) {
                template.send("ended-later", "key " + i, "value " + i);
            }
            await().until(() -> listener.first.size() == 300);
            template.send("ended-later", "key", "hold 1");
            template.send("ended-later", "key", "hold 2");
            await().until(() -> listener.holding.get() == 2);

            listener.first.forEach(acknowledgment -> acknowledgment.nack(Duration.ZERO));
            await().during(Duration.ofMillis(300)).until(() -> EndedLater.threads() < 20);
            assertThat(listener.second).as("both workers are held").isEmpty();

            listener.release.countDown();
            await().until(() -> listener.second.size() == 300);
            assertThat(EndedLater.threads()).isLessThan(20);

            listener.second.forEach(Acknowledgment::acknowledge);
            await().until(() -> container(context, "ended-later").getInFlight() == 0);
            await().until(() ->
                    committed("ended-later", "ended-later", 0) + committed("ended-later", "ended-later", 1) == 302);
        }
    }

    static class FailingLater {

        @BackpressuredListener(id = "failing-later", topics = "failing-later", ordering = Ordering.KEY)
        CompletableFuture<Void> handle(String value) {
            return CompletableFuture.runAsync(
                    () -> {
                        throw new IllegalStateException(value);
                    },
                    CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS));
        }
    }

    @Test
    void attemptsThatFailAfterTheirMethodsHaveReturnedAreCounted() {
        try (ConfigurableApplicationContext context = start(AMomentOfBackOff.class, FailingLater.class)) {
            template(context).send("failing-later", "key", "value");
            AMomentOfBackOff errors = context.getBean(AMomentOfBackOff.class);
            await().until(() -> errors.attempts.contains(-1));
            assertThat(errors.attempts).containsExactly(1, 2, 3, 4, -1);
            await().until(() -> container(context, "failing-later").getInFlight() == 0);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class RecoversAtOnce {

        final Queue<Object> recovered = new ConcurrentLinkedQueue<>();

        @Bean
        CommonErrorHandler errorHandler() {
            return new DefaultErrorHandler(
                    (record, exception) -> recovered.add(record.value()), new FixedBackOff(0, 0));
        }
    }

    static class FailingWhileItStops {

        final CompletableFuture<Void> result = new CompletableFuture<>();

        final CountDownLatch begun = new CountDownLatch(1);

        @BackpressuredListener(id = "failing-while-it-stops", topics = "failing-while-it-stops")
        CompletableFuture<Void> handle(String value) {
            begun.countDown();
            return result;
        }
    }

    @Test
    void aResultThatFailsDuringTheDrainIsStillDecidedAbout() throws Exception {
        ConfigurableApplicationContext context = start(RecoversAtOnce.class, FailingWhileItStops.class);
        FailingWhileItStops listener = context.getBean(FailingWhileItStops.class);
        RecoversAtOnce errors = context.getBean(RecoversAtOnce.class);
        template(context).send("failing-while-it-stops", 0, "key", "value");
        listener.begun.await();
        CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS)
                .execute(() -> listener.result.completeExceptionally(new IllegalStateException("late")));
        context.close();
        assertThat(errors.recovered).containsExactly("value");
        assertThat(committed("failing-while-it-stops", "failing-while-it-stops", 0))
                .isEqualTo(1);
    }

    static class Outage {

        final long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);

        final Set<String> handled = ConcurrentHashMap.newKeySet();

        final Set<String> dead = ConcurrentHashMap.newKeySet();

        @BackpressuredListener(id = "outage", topics = "outage", ordering = Ordering.KEY, maxInFlight = "10")
        void handle(String value) {
            if (System.nanoTime() < until) {
                throw new IllegalStateException("the database is down");
            }
            handled.add(value);
        }

        @KafkaListener(id = "outage-dlt", topics = "outage-dlt")
        void dead(String value) {
            dead.add(value);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class PatientDeadLetters {

        @Bean
        CommonErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
            return new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(500, 8));
        }
    }

    @Test
    void afterAnOutageEveryRecordIsHandledOrADeadLetterAndNothingIsInFlight() {
        try (ConfigurableApplicationContext context = start(PatientDeadLetters.class, Outage.class)) {
            for (int i = 0; i < 30; i++) {
                template(context).send("outage", "key " + i, "value " + i);
            }
            Outage listener = context.getBean(Outage.class);
            await().atMost(Duration.ofSeconds(30)).until(() -> listener.handled.size() + listener.dead.size() == 30);
            assertThat(listener.handled).noneMatch(listener.dead::contains);
            await().until(() -> container(context, "outage").getInFlight() == 0);
        }
    }

    static class Hanging {

        final Queue<CompletableFuture<Void>> results = new ConcurrentLinkedQueue<>();

        final Queue<String> dead = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "hanging", topics = "hanging", handlerTimeout = "200ms")
        CompletableFuture<Void> handle(String value) {
            if (value.equals("quick")) {
                return CompletableFuture.completedFuture(null);
            }
            CompletableFuture<Void> never = new CompletableFuture<>();
            results.add(never);
            return never;
        }

        @KafkaListener(id = "hanging-dlt", topics = "hanging-dlt")
        void dead(String value) {
            dead.add(value);
        }
    }

    @Test
    void aResultThatNeverComesCountsAsFailedAfterTheHandlerTimeout() throws Exception {
        try (ConfigurableApplicationContext context = start(DeadLetters.class, Hanging.class)) {
            Hanging listener = context.getBean(Hanging.class);
            template(context).send("hanging", 0, "key", "hanging");
            template(context).send("hanging", 0, "key", "quick");
            await().atMost(Duration.ofSeconds(15)).until(() -> listener.dead.size() == 1);
            await().until(() -> committed("hanging", "hanging", 0) == 2);
            assertThat(listener.results).hasSize(2);
            listener.results.forEach(result -> result.completeExceptionally(new IllegalStateException("late")));
            assertThat(container(context, "hanging").getInFlight()).isZero();
            assertThat(listener.dead).containsExactly("hanging");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Useless {

        @Bean
        CommonErrorHandler errorHandler() {
            return new CommonErrorHandler() {};
        }
    }

    @Test
    void refusesAnErrorHandlerThatDecidesNothing() {
        assertThatThrownBy(() -> start(Useless.class, ToUnwritable.class).close())
                .hasStackTraceContaining("does not implement handleOne(), so a record that it is asked about would be")
                .hasStackTraceContaining("use a DefaultErrorHandler");
    }
}
