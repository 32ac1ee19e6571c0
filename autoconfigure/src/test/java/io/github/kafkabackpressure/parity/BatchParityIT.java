package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.lang.reflect.Type;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.BatchListenerFailedException;
import org.springframework.kafka.listener.CommonContainerStoppingErrorHandler;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonLoggingErrorHandler;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.adapter.RecordFilterStrategy;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.converter.BatchMessageConverter;
import org.springframework.kafka.support.converter.BatchMessagingMessageConverter;
import org.springframework.kafka.support.converter.MessagingMessageConverter;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.util.backoff.FixedBackOff;

/** Batch listeners: the same with both annotations, but for which records are in a batch together. */
@EmbeddedKafka(partitions = 1)
class BatchParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        apps = new ParityApps(broker, List.of(Handlers.class, Listeners.class));
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    @Configuration(proxyBeanMethods = false)
    static class Handlers {

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> errorHandlers(
                KafkaTemplate<?, ?> template) {
            DeadLetterPublishingRecoverer toDeadLetters = new DeadLetterPublishingRecoverer(template);
            return container -> {
                DefaultErrorHandler usual = new DefaultErrorHandler(toDeadLetters, new FixedBackOff(10, 2));
                CommonErrorHandler handler = switch (container.getListenerId()) {
                    case "stopping" -> new CommonContainerStoppingErrorHandler();
                    case "logging" -> new CommonLoggingErrorHandler();
                    case "no-seek" -> {
                        usual.setSeekAfterError(false);
                        yield usual;
                    }
                    default -> usual;
                };
                container.setCommonErrorHandler(handler);
            };
        }

        @Bean
        BatchInterceptor<Object, Object> interceptor(Seen seen) {
            return new Watching(seen);
        }

        @Bean
        RecordFilterStrategy<Object, Object> withoutOdd() {
            return record -> record.value().toString().contains("odd");
        }

        @Bean
        BatchMessageConverter converter() {
            return new BatchMessagingMessageConverter(new MessagingMessageConverter() {
                @Override
                protected Object extractAndConvertValue(ConsumerRecord<?, ?> record, Type type) {
                    Object value = super.extractAndConvertValue(record, type);
                    return record.topic().endsWith("converted") ? "<" + value + ">" : value;
                }
            });
        }
    }

    static class Watching implements BatchInterceptor<Object, Object> {

        private final Seen seen;

        Watching(Seen seen) {
            this.seen = seen;
        }

        private void add(ConsumerRecords<?, ?> records, String what) {
            for (ConsumerRecord<?, ?> record : records) {
                if (record.topic().endsWith("intercepted")) {
                    seen.add("intercepted", what + " " + record.value());
                }
            }
        }

        @Override
        public ConsumerRecords<Object, Object> intercept(
                ConsumerRecords<Object, Object> records, Consumer<Object, Object> consumer) {
            add(records, "intercept");
            return records;
        }

        @Override
        public void success(ConsumerRecords<Object, Object> records, Consumer<Object, Object> consumer) {
            add(records, "success");
        }

        @Override
        public void failure(
                ConsumerRecords<Object, Object> records, Exception exception, Consumer<Object, Object> consumer) {
            add(records, "failure");
        }
    }

    static class Listeners {

        private final Seen seen;

        private final AtomicInteger calls = new AtomicInteger();

        Listeners(Seen seen) {
            this.seen = seen;
        }

        @BackpressuredListener(id = "values", batch = "true")
        void values(List<String> values, @Header(KafkaHeaders.OFFSET) List<Long> offsets) {
            for (int i = 0; i < values.size(); i++) {
                seen.add("values", values.get(i) + "@" + offsets.get(i));
            }
        }

        @BackpressuredListener(id = "records", batch = "true")
        void records(List<ConsumerRecord<String, String>> records) {
            records.forEach(record -> seen.add("records", record.value() + "@" + record.offset()));
        }

        @BackpressuredListener(id = "messages", batch = "true")
        void messages(List<Message<String>> messages) {
            messages.forEach(message -> seen.add(
                    "messages",
                    message.getPayload() + "@" + message.getHeaders().get(KafkaHeaders.OFFSET)));
        }

        @BackpressuredListener(id = "polled", batch = "true")
        void polled(ConsumerRecords<String, String> records) {
            records.forEach(record -> seen.add("polled", record.value() + "@" + record.offset()));
        }

        @BackpressuredListener(id = "prefix", batch = "true")
        void prefix(List<String> values) {
            oneByOne("prefix", values);
        }

        @BackpressuredListener(id = "no-seek", batch = "true")
        void noSeek(List<String> values) {
            oneByOne("no-seek", values);
        }

        @BackpressuredListener(id = "stopping", batch = "true")
        void stopping(List<String> values) {
            oneByOne("stopping", values);
        }

        @BackpressuredListener(id = "logging", batch = "true")
        void logging(List<String> values) {
            oneByOne("logging", values);
        }

        private void oneByOne(String name, List<String> values) {
            for (int i = 0; i < values.size(); i++) {
                seen.add(name, values.get(i));
                if (values.get(i).contains("fail")) {
                    throw new BatchListenerFailedException("as asked", i);
                }
            }
        }

        @BackpressuredListener(id = "whole", batch = "true")
        void whole(List<String> values) {
            values.forEach(value -> seen.add("whole", value));
            if (values.stream().anyMatch(value -> value.contains("fail"))) {
                throw new IllegalStateException("as asked");
            }
        }

        @BackpressuredListener(id = "intercepted", batch = "true")
        void intercepted(List<String> values) {
            values.forEach(value -> seen.add("intercepted", "call " + value));
            if (calls.getAndIncrement() == 0) {
                throw new IllegalStateException("the first time");
            }
        }

        @BackpressuredListener(id = "converted", batch = "true")
        void converted(List<String> values) {
            values.forEach(value -> seen.add("converted", value));
        }

        @BackpressuredListener(id = "filtered", batch = "true", filter = "withoutOdd")
        void filtered(List<String> values) {
            values.forEach(value -> seen.add("filtered", value));
        }

        @BackpressuredListener(id = "acknowledged", batch = "true", ackMode = "MANUAL")
        void acknowledged(List<String> values, Acknowledgment acknowledgment) {
            values.forEach(value -> seen.add("acknowledged", value));
            acknowledgment.acknowledge();
        }

        @BackpressuredListener(id = "nacked", batch = "true", ackMode = "MANUAL")
        void nacked(List<String> values, Acknowledgment acknowledgment) {
            for (int i = 0; i < values.size(); i++) {
                seen.add("nacked", values.get(i));
                if (values.get(i).contains("again") && seen.of("nacked").size() < 4) {
                    acknowledgment.nack(i, Duration.ofMillis(20));
                    return;
                }
            }
            acknowledgment.acknowledge();
        }
    }

    @ParameterizedTest
    @EnumSource
    void takesValuesWithHeaders(Run run) {
        apps.of(run, "values").sends("a", "b", "c").sees("a@0", "b@1", "c@2").commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void takesAListOfRecords(Run run) {
        apps.of(run, "records").sends("a", "b", "c").sees("a@0", "b@1", "c@2").commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void takesAListOfMessages(Run run) {
        apps.of(run, "messages").sends("a", "b", "c").sees("a@0", "b@1", "c@2").commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void takesConsumerRecords(Run run) {
        apps.of(run, "polled").sends("a", "b", "c").sees("a@0", "b@1", "c@2").commits(3);
    }

    @ParameterizedTest
    @EnumSource
    void whatIsBeforeTheFailedRecordIsFinishedAndTheRestComesAgain(Run run) {
        apps.of(run, "prefix")
                .sends("a", "fail b", "c", "d")
                .sees("a", "fail b", "fail b", "fail b", "c", "d")
                .commits(4);
    }

    @ParameterizedTest
    @EnumSource
    void theRestComesAgainWithoutSeeksToo(Run run) {
        apps.of(run, "no-seek")
                .sends("a", "fail b", "c", "d")
                .sees("a", "fail b", "fail b", "fail b", "c", "d")
                .commits(4);
    }

    @ParameterizedTest
    @EnumSource
    void aBatchThatFailsAsAWholeIsRetriedAndRecoveredAsAWhole(Run run) {
        apps.of(run, "whole")
                .sends("fail a")
                .sees("fail a", "fail a", "fail a")
                .commits(1)
                .sends("b");
        assertThat(apps.awaitSeen(run, "whole", 4)).endsWith("b");
    }

    @ParameterizedTest
    @EnumSource
    void aStoppingHandlerStopsTheContainer(Run run) {
        apps.of(run, "stopping").sends("fail a").stops();
        assertThat(apps.seen(run, "stopping")).containsExactly("fail a");
        assertThat(apps.committed(run.name("stopping"), run.name("stopping"))).isLessThanOrEqualTo(0);
    }

    @ParameterizedTest
    @EnumSource
    void aLoggedBatchIsFinished(Run run) {
        apps.of(run, "logging").sends("fail a").commits(1);
        assertThat(apps.seen(run, "logging")).containsExactly("fail a");
    }

    @ParameterizedTest
    @EnumSource
    void interceptsBatches(Run run) {
        apps.of(run, "intercepted")
                .sends("a")
                .sees("intercept a", "call a", "failure a", "intercept a", "call a", "success a")
                .commits(1);
    }

    @ParameterizedTest
    @EnumSource
    void convertsBatches(Run run) {
        apps.of(run, "converted").sends("a", "b").sees("<a>", "<b>");
    }

    @ParameterizedTest
    @EnumSource
    void filteredRecordsOfABatchAreFinished(Run run) {
        apps.of(run, "filtered")
                .sends("even 0", "odd 1", "even 2", "odd 3")
                .sees("even 0", "even 2")
                .commits(4);
    }

    @ParameterizedTest
    @EnumSource
    void aBatchIsFinishedWhenItIsAcknowledged(Run run) {
        apps.of(run, "acknowledged").sends("a", "b").sees("a", "b").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void whatFollowsTheIndexOfANackComesAgain(Run run) {
        apps.of(run, "nacked")
                .sends("a", "again b", "c")
                .sees("a", "again b", "again b", "again b", "c")
                .commits(3);
    }
}
