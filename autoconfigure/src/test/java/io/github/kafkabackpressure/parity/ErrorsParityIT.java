package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.IntegerSerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.boot.kafka.autoconfigure.DefaultKafkaProducerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.KafkaException;
import org.springframework.kafka.annotation.BackOff;
import org.springframework.kafka.annotation.DltHandler;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CommonContainerStoppingErrorHandler;
import org.springframework.kafka.listener.CommonDelegatingErrorHandler;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonLoggingErrorHandler;
import org.springframework.kafka.listener.CommonMixedErrorHandler;
import org.springframework.kafka.listener.CompositeRecordInterceptor;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerPausingBackOffHandler;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.kafka.listener.ListenerContainerPauseService;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.listener.adapter.RecordFilterStrategy;
import org.springframework.kafka.retrytopic.RetryTopicConfigurationSupport;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.serializer.DelegatingByTypeSerializer;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.backoff.ExponentialBackOff;
import org.springframework.util.backoff.FixedBackOff;

/** What becomes of records that fail, and what is called around each attempt: the same with both annotations. */
@EmbeddedKafka(partitions = 1, brokerProperties = "auto.create.topics.enable=true")
class ErrorsParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        apps = new ParityApps(
                broker,
                List.of(Handlers.class, RetryTopics.class, Listeners.class, Retried.class),
                "spring.kafka.listener.missing-topics-fatal=false");
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    /** Fails whatever a value asks for. */
    static void failAsAsked(String value) {
        if (value.contains("illegal")) {
            throw new IllegalArgumentException(value);
        }
        if (value.contains("fail")) {
            throw new IllegalStateException(value);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Handlers {

        @Bean
        @SuppressWarnings("unchecked")
        DefaultKafkaProducerFactoryCustomizer serializers() {
            return factory -> ((DefaultKafkaProducerFactory<?, Object>) factory)
                    .setValueSerializer(new DelegatingByTypeSerializer(Map.of(
                            byte[].class,
                            new ByteArraySerializer(),
                            String.class,
                            new StringSerializer(),
                            Integer.class,
                            new IntegerSerializer())));
        }

        /** Gives each listener the error handler of its name. */
        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> errorHandlers(
                KafkaTemplate<?, ?> template, Seen seen) {
            DeadLetterPublishingRecoverer toDeadLetters = new DeadLetterPublishingRecoverer(template);
            return container -> {
                CommonErrorHandler handler = switch (container.getListenerId()) {
                    case "exponential" -> {
                        ExponentialBackOff backOff = new ExponentialBackOff(5, 2);
                        backOff.setMaxAttempts(4);
                        yield new DefaultErrorHandler(toDeadLetters, backOff);
                    }
                    case "stopping" -> new CommonContainerStoppingErrorHandler();
                    case "logging" -> new CommonLoggingErrorHandler();
                    case "seeking" -> new Skipping();
                    case "answering" -> new Answering();
                    case "no-seek" -> {
                        DefaultErrorHandler own = handler(toDeadLetters);
                        own.setSeekAfterError(false);
                        yield own;
                    }
                    case "delegating" -> {
                        CommonDelegatingErrorHandler both = new CommonDelegatingErrorHandler(handler(toDeadLetters));
                        both.addDelegate(IllegalArgumentException.class, new CommonContainerStoppingErrorHandler());
                        yield both;
                    }
                    case "mixed" -> new CommonMixedErrorHandler(handler(toDeadLetters), new DefaultErrorHandler());
                    case "pausing" -> {
                        SimpleAsyncTaskScheduler scheduler = new SimpleAsyncTaskScheduler();
                        yield new DefaultErrorHandler(
                                toDeadLetters,
                                new FixedBackOff(100, 2),
                                new ContainerPausingBackOffHandler(new ListenerContainerPauseService(null, scheduler)));
                    }
                    default -> handler(toDeadLetters);
                };
                container.setCommonErrorHandler(handler);
                container.getContainerProperties().setDeliveryAttemptHeader(true);
                if (container.getListenerId().equals("composite")) {
                    container.setRecordInterceptor(
                            new CompositeRecordInterceptor<>(new Bound("1", seen), new Bound("2", seen)));
                }
            };
        }

        private static DefaultErrorHandler handler(DeadLetterPublishingRecoverer recoverer) {
            DefaultErrorHandler handler = new DefaultErrorHandler(recoverer, new FixedBackOff(10, 2));
            handler.addNotRetryableExceptions(IllegalArgumentException.class);
            return handler;
        }

        @Bean
        KafkaListenerErrorHandler answer() {
            return (message, exception) -> "sorry for " + message.getPayload();
        }

        @Bean
        KafkaListenerErrorHandler rethrow(Seen seen) {
            return (message, exception) -> {
                seen.add("rethrown", exception.getCause().getMessage());
                throw exception;
            };
        }

        @Bean
        RecordFilterStrategy<Object, Object> withoutOdd() {
            return record -> record.value().toString().contains("odd");
        }

        @Bean
        RecordInterceptor<Object, Object> interceptor(Seen seen) {
            return new Watching(seen);
        }
    }

    /** Retries some failures in place before the record goes on to the next retry topic. */
    @Configuration(proxyBeanMethods = false)
    static class RetryTopics extends RetryTopicConfigurationSupport {

        @Override
        protected void configureBlockingRetries(BlockingRetriesConfigurer blockingRetries) {
            blockingRetries.retryOn(UnsupportedOperationException.class).backOff(new FixedBackOff(20, 2));
        }

        @Bean
        TaskScheduler retryScheduler() {
            return new ThreadPoolTaskScheduler();
        }
    }

    /** Moves the consumer past what failed, and implements nothing but that. */
    static class Skipping implements CommonErrorHandler {

        private final AtomicBoolean again = new AtomicBoolean(true);

        @Override
        public boolean seeksAfterHandling() {
            return true;
        }

        @Override
        public void handleRemaining(
                Exception exception,
                List<ConsumerRecord<?, ?>> records,
                Consumer<?, ?> consumer,
                MessageListenerContainer container) {
            ConsumerRecord<?, ?> failed = records.get(0);
            long next = again.getAndSet(false) ? failed.offset() : failed.offset() + 1;
            consumer.seek(new TopicPartition(failed.topic(), failed.partition()), next);
            throw new KafkaException("sought", KafkaException.Level.DEBUG, exception);
        }
    }

    /** Says what became of the record, and implements nothing but that. */
    static class Answering implements CommonErrorHandler {

        private final AtomicInteger asked = new AtomicInteger();

        @Override
        public boolean handleOne(
                Exception exception,
                ConsumerRecord<?, ?> record,
                Consumer<?, ?> consumer,
                MessageListenerContainer container) {
            return asked.incrementAndGet() == 3;
        }
    }

    /** Writes down what it is called for, and that it is all on one thread. */
    static class Watching implements RecordInterceptor<Object, Object> {

        private static final ThreadLocal<String> STATE = new ThreadLocal<>();

        private final Seen seen;

        Watching(Seen seen) {
            this.seen = seen;
        }

        private void add(ConsumerRecord<?, ?> record, String what) {
            if (record.topic().endsWith("intercepted")) {
                seen.add("intercepted-calls", what + " " + record.value());
            }
        }

        @Override
        public void setupThreadState(Consumer<?, ?> consumer) {
            STATE.set("set up");
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            STATE.remove();
        }

        @Override
        public ConsumerRecord<Object, Object> intercept(
                ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "intercept");
            return record.value() != null && record.value().toString().contains("swallow") ? null : record;
        }

        @Override
        public void success(ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "success");
        }

        @Override
        public void failure(
                ConsumerRecord<Object, Object> record, Exception exception, Consumer<Object, Object> consumer) {
            add(record, "failure");
        }

        @Override
        public void afterRecord(ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "after");
        }
    }

    /** Binds itself to the thread, and writes down what it is called for and what is bound then. */
    static class Bound implements RecordInterceptor<Object, Object> {

        private static final ThreadLocal<Set<String>> BOUND = ThreadLocal.withInitial(TreeSet::new);

        private final String name;

        private final Seen seen;

        Bound(String name, Seen seen) {
            this.name = name;
            this.seen = seen;
        }

        private void add(ConsumerRecord<?, ?> record, String what) {
            seen.add("composite", name + " " + what + " " + record.value() + " " + BOUND.get());
        }

        @Override
        public void setupThreadState(Consumer<?, ?> consumer) {
            if (!BOUND.get().add(name)) {
                seen.add("misbound", name + " was left over");
            }
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            if (!BOUND.get().remove(name)) {
                seen.add("misbound", name + " was bound to another thread");
            }
        }

        @Override
        public ConsumerRecord<Object, Object> intercept(
                ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "intercept");
            return record;
        }

        @Override
        public void success(ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "success");
        }

        @Override
        public void failure(
                ConsumerRecord<Object, Object> record, Exception exception, Consumer<Object, Object> consumer) {
            add(record, "failure");
        }

        @Override
        public void afterRecord(ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            add(record, "after");
        }
    }

    static class Listeners {

        private final Seen seen;

        private final Map<String, Integer> attempts = new ConcurrentHashMap<>();

        Listeners(Seen seen) {
            this.seen = seen;
        }

        @BackpressuredListener(id = "fixed")
        void fixed(String value, @Header(KafkaHeaders.DELIVERY_ATTEMPT) int attempt) {
            seen.add("fixed", value + "#" + attempt);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "flaky")
        void flaky(String value) {
            seen.add("flaky", value);
            if (attempts.merge(value, 1, Integer::sum) < 3) {
                failAsAsked(value);
            }
        }

        @BackpressuredListener(id = "headed")
        void headed(String value) {
            failAsAsked(value);
        }

        @BackpressuredListener(id = "keyed", ordering = Ordering.KEY)
        void keyed(String value, @Header(KafkaHeaders.RECEIVED_KEY) String key) {
            seen.add("keyed " + key, value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "exponential")
        void exponential(String value) {
            seen.add("exponential", value);
            failAsAsked(value);
        }

        @BackpressuredListener(
                id = "dead",
                topics = {
                    "${run}.fixed-dlt",
                    "${run}.headed-dlt",
                    "${run}.exponential-dlt",
                    "${run}.delegating-dlt",
                    "${run}.numbers-dlt"
                },
                properties = "value.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer")
        void dead(ConsumerRecord<String, byte[]> record) {
            seen.add(
                    "dead " + record.topic().substring(2),
                    new String(record.value(), StandardCharsets.UTF_8)
                            + " from "
                            + text(record, KafkaHeaders.DLT_ORIGINAL_TOPIC).substring(2)
                            + "@"
                            + ByteBuffer.wrap(record.headers()
                                            .lastHeader(KafkaHeaders.DLT_ORIGINAL_OFFSET)
                                            .value())
                                    .getLong()
                            + " by " + text(record, KafkaHeaders.DLT_EXCEPTION_CAUSE_FQCN)
                            + " own " + text(record, "own"));
        }

        private static String text(ConsumerRecord<?, ?> record, String header) {
            var found = record.headers().lastHeader(header);
            return found == null ? "none" : new String(found.value(), StandardCharsets.UTF_8);
        }

        @BackpressuredListener(id = "stopping")
        void stopping(String value) {
            seen.add("stopping", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "delegating")
        void delegating(String value) {
            seen.add("delegating", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "mixed")
        void mixed(String value) {
            seen.add("mixed", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "logging")
        void logging(String value) {
            seen.add("logging", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "seeking")
        void seeking(String value) {
            seen.add("seeking", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "answering")
        void answering(String value) {
            seen.add("answering", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "no-seek")
        void noSeek(String value) {
            seen.add("no-seek", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "pausing")
        void pausing(String value) {
            seen.add("pausing", value);
            failAsAsked(value);
        }

        @BackpressuredListener(id = "answered", errorHandler = "answer")
        @SendTo("${run}.replies")
        String answered(String value) {
            failAsAsked(value);
            return "thanks for " + value;
        }

        @BackpressuredListener(id = "rethrown", errorHandler = "rethrow")
        void rethrown(String value) {
            failAsAsked(value);
        }

        @BackpressuredListener(id = "replies")
        void replies(String value) {
            seen.add("replies", value);
        }

        @BackpressuredListener(
                id = "numbers",
                properties = {
                    "value.deserializer=org.springframework.kafka.support.serializer.ErrorHandlingDeserializer",
                    "spring.deserializer.value.delegate.class=org.apache.kafka.common.serialization.IntegerDeserializer"
                })
        void numbers(Integer value) {
            seen.add("numbers", value);
        }

        @BackpressuredListener(id = "filtered", filter = "withoutOdd")
        void filtered(String value) {
            seen.add("filtered", value);
        }

        @BackpressuredListener(id = "intercepted")
        void intercepted(String value) {
            seen.add("intercepted-calls", "call " + value + ", " + Watching.STATE.get());
            failAsAsked(value);
        }

        @BackpressuredListener(id = "composite")
        void composite(String value) {
            seen.add("composite", "call " + value + " " + Bound.BOUND.get());
            failAsAsked(value);
        }

        @BackpressuredListener(id = "convert")
        void convert(Integer value) {
            seen.add("convert", value + 1);
        }
    }

    static class Retried {

        private final Seen seen;

        Retried(Seen seen) {
            this.seen = seen;
        }

        @RetryableTopic(attempts = "3", backOff = @BackOff(delay = 100), numPartitions = "1")
        @BackpressuredListener(id = "retried", groupId = "${run}.retried", topics = "${run}.retried")
        void retried(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add("retried", value + " from " + topic.substring(2));
            failAsAsked(value);
        }

        @RetryableTopic(attempts = "2", backOff = @BackOff(delay = 100), numPartitions = "1")
        @BackpressuredListener(id = "both-ways")
        void bothWays(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add("both-ways", value + " from " + topic.substring(2));
            if (value.contains("blocking")) {
                throw new UnsupportedOperationException(value);
            }
            failAsAsked(value);
        }

        @DltHandler
        void dead(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
            seen.add(topic.substring(2).replace("-dlt", ""), value + " dead in " + topic.substring(2));
        }
    }

    @ParameterizedTest
    @EnumSource
    void retriesWithFixedBackOffAndNumbersAttemptsInAHeader(Run run) {
        apps.of(run, "fixed")
                .sends("a", "fail b", "c")
                .sees("a#1", "fail b#1", "fail b#2", "fail b#3", "c#1")
                .commits(3);
        assertThat(apps.awaitSeen(run, "dead fixed-dlt", 1))
                .containsExactly("fail b from fixed@1 by java.lang.IllegalStateException own none");
    }

    @ParameterizedTest
    @EnumSource
    void aDeadLetterHasTheHeadersOfTheRecord(Run run) {
        ProducerRecord<Object, Object> record = new ProducerRecord<>(run.name("headed"), 0, "key", "fail a");
        record.headers().add("own", "header".getBytes(StandardCharsets.UTF_8));
        apps.template(run).send(record).join();
        assertThat(apps.awaitSeen(run, "dead headed-dlt", 1))
                .containsExactly("fail a from headed@0 by java.lang.IllegalStateException own header");
        apps.awaitCommitted(run, "headed", "headed", 1);
    }

    @ParameterizedTest
    @EnumSource
    void keepsTheOrderOfKeysAcrossRetries(Run run) {
        for (String value : List.of("fail a", "b", "fail c", "d")) {
            apps.sendKeyed(run, "keyed", "x", value);
            apps.sendKeyed(run, "keyed", "y", "other " + value);
        }
        apps.awaitCommitted(run, "keyed", "keyed", 8);
        assertThat(apps.seen(run, "keyed x"))
                .containsExactly("fail a", "fail a", "fail a", "b", "fail c", "fail c", "fail c", "d");
        assertThat(apps.seen(run, "keyed y"))
                .containsExactly(
                        "other fail a",
                        "other fail a",
                        "other fail a",
                        "other b",
                        "other fail c",
                        "other fail c",
                        "other fail c",
                        "other d");
    }

    @ParameterizedTest
    @EnumSource
    void goesOnAfterARetryThatSucceeds(Run run) {
        apps.of(run, "flaky")
                .sends("fail a", "b", "fail c")
                .sees("fail a", "fail a", "fail a", "b", "fail c", "fail c", "fail c")
                .commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void retriesWithExponentialBackOff(Run run) {
        apps.of(run, "exponential").sends("fail a", "b").sees("fail a", "fail a", "fail a", "fail a", "fail a", "b");
        apps.awaitSeen(run, "dead exponential-dlt", 1);
        apps.awaitCommitted(run, "exponential", "exponential", 2);
    }

    @ParameterizedTest
    @EnumSource
    void stopsTheContainerAndLeavesTheRecordUncommitted(Run run) {
        apps.of(run, "stopping").sends("a", "fail b", "c").stops();
        assertThat(apps.seen(run, "stopping")).containsExactly("a", "fail b");
        assertThat(apps.container(run, "stopping").isInExpectedState()).isFalse();
        assertThat(apps.committed(run.name("stopping"), run.name("stopping"))).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void aDelegateMayStopTheContainer(Run run) {
        apps.of(run, "delegating").sends("fail a", "b", "illegal c", "d").stops();
        assertThat(apps.seen(run, "delegating")).containsExactly("fail a", "fail a", "fail a", "b", "illegal c");
        assertThat(apps.awaitSeen(run, "dead delegating-dlt", 1)).hasSize(1);
        assertThat(apps.committed(run.name("delegating"), run.name("delegating")))
                .isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource
    void asksTheRecordHandlerOfAMixedOne(Run run) {
        apps.of(run, "mixed")
                .sends("fail a", "illegal b", "c")
                .sees("fail a", "fail a", "fail a", "illegal b", "c")
                .commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void skipsWhatIsOnlyLogged(Run run) {
        apps.of(run, "logging").sends("fail a", "b").sees("fail a", "b").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void goesWhereAHandlerSeeks(Run run) {
        apps.of(run, "seeking")
                .sends("fail a", "b")
                .sees("fail a", "fail a", "b")
                .commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void goesByWhatAHandlerAnswers(Run run) {
        apps.of(run, "answering")
                .sends("fail a", "b")
                .sees("fail a", "fail a", "fail a", "b")
                .commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void retriesWithoutSeeks(Run run) {
        apps.of(run, "no-seek")
                .sends("fail a", "illegal b", "c")
                .sees("fail a", "fail a", "fail a", "illegal b", "c")
                .commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void aBackOffMayPauseTheContainer(Run run) {
        apps.of(run, "pausing")
                .sends("fail a", "b")
                .sees("fail a", "fail a", "fail a", "b")
                .commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void repliesWithResultsAndWithWhatTheListenersErrorHandlerReturns(Run run) {
        apps.send(run, "answered", "a", "fail b");
        assertThat(apps.awaitSeen(run, "replies", 2)).containsExactlyInAnyOrder("thanks for a", "sorry for fail b");
        apps.awaitCommitted(run, "answered", "answered", 2);
    }

    @ParameterizedTest
    @EnumSource
    void whatTheListenersErrorHandlerThrowsGoesToTheContainers(Run run) {
        apps.of(run, "rethrown")
                .sends("fail a")
                .sees("fail a", "fail a", "fail a")
                .commits(1);
    }

    @ParameterizedTest
    @EnumSource
    void whatCannotBeDeserializedIsADeadLetterWithItsOwnBytes(Run run) {
        apps.of(run, "numbers").sends(1, "not a number", 2).sees("1", "2");
        assertThat(apps.awaitSeen(run, "dead numbers-dlt", 1).get(0)).startsWith("not a number from numbers@1");
        apps.awaitCommitted(run, "numbers", "numbers", 3);
    }

    @ParameterizedTest
    @EnumSource
    void convertsPayloadsAndDoesNotRetryWhatCannotBeConverted(Run run) {
        apps.of(run, "convert").sends("41", "not a number", "1").sees("42", "2").commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void filteredRecordsAreFinished(Run run) {
        apps.of(run, "filtered")
                .sends("even 0", "odd 1", "even 2", "odd 3")
                .sees("even 0", "even 2")
                .commits(4);
    }

    @ParameterizedTest
    @EnumSource
    void interceptsEachAttemptOnTheThreadOfTheListener(Run run) {
        apps.of(run, "intercepted").sends("a", "swallow b", "illegal c").commits(3);
        assertThat(apps.awaitSeen(run, "intercepted-calls", 11))
                .containsExactly(
                        "intercept a",
                        "call a, set up",
                        "success a",
                        "after a",
                        "intercept swallow b",
                        "success swallow b",
                        "after swallow b",
                        "intercept illegal c",
                        "call illegal c, set up",
                        "failure illegal c",
                        "after illegal c");
    }

    @ParameterizedTest
    @EnumSource
    void retriesThroughRetryTopics(Run run) {
        apps.of(run, "retried")
                .sends("fail a", "b")
                .seesInAnyOrder(
                        "fail a from retried",
                        "b from retried",
                        "fail a from retried-retry",
                        "fail a from retried-retry",
                        "fail a dead in retried-dlt")
                .commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void retriesInPlaceAndThroughRetryTopics(Run run) {
        apps.of(run, "both-ways")
                .sends("blocking a")
                .sees(
                        "blocking a from both-ways",
                        "blocking a from both-ways",
                        "blocking a from both-ways",
                        "blocking a from both-ways-retry",
                        "blocking a from both-ways-retry",
                        "blocking a from both-ways-retry",
                        "blocking a dead in both-ways-dlt")
                .sends("fail b")
                .commits(2);
        assertThat(apps.awaitSeen(run, "both-ways", 10))
                .endsWith("fail b from both-ways", "fail b from both-ways-retry", "fail b dead in both-ways-dlt");
    }

    @ParameterizedTest
    @EnumSource
    void interceptsWithSeveralInterceptorsThatAreBoundToTheThread(Run run) {
        apps.of(run, "composite")
                .sends("a", "illegal b")
                .sees(
                        "1 intercept a [1, 2]",
                        "2 intercept a [1, 2]",
                        "call a [1, 2]",
                        "1 success a [1, 2]",
                        "2 success a [1, 2]",
                        "1 after a [1, 2]",
                        "2 after a [1, 2]",
                        "1 intercept illegal b [1, 2]",
                        "2 intercept illegal b [1, 2]",
                        "call illegal b [1, 2]",
                        "1 failure illegal b [1, 2]",
                        "2 failure illegal b [1, 2]",
                        "1 after illegal b [1, 2]",
                        "2 after illegal b [1, 2]")
                .commits(2);
        assertThat(apps.seen(run, "misbound")).isEmpty();
    }
}
