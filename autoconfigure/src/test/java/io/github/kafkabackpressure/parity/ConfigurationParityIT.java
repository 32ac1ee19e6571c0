package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.kafka.common.serialization.Deserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.KafkaListenerErrorHandler;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.util.backoff.FixedBackOff;

/** Listeners of an application that makes and sets its container factory itself, in the listeners' own class. */
@EmbeddedKafka(partitions = 1, brokerProperties = "auto.create.topics.enable=true")
class ConfigurationParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        apps = new ParityApps(broker, List.of(Everything.class, SomeAcknowledge.class));
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    /** The classic layout: the beans that the listener needs come from its own class, not from static methods. */
    @Configuration(proxyBeanMethods = false)
    static class Everything {

        @Autowired
        private Seen seen;

        @Bean
        DefaultErrorHandler errorHandler(Seen recovered) {
            return new DefaultErrorHandler(
                    (record, failure) -> recovered.add("own", "recovered " + record.value()), new FixedBackOff(0, 1));
        }

        @Bean
        ConcurrentKafkaListenerContainerFactory<Object, Object> kafkaListenerContainerFactory(
                ConsumerFactory<Object, Object> consumers, DefaultErrorHandler errorHandler, Seen intercepted) {
            ConcurrentKafkaListenerContainerFactory<Object, Object> factory =
                    new ConcurrentKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumers);
            factory.setCommonErrorHandler(errorHandler);
            factory.setConcurrency(2);
            factory.setRecordFilterStrategy(record -> "filtered".equals(record.value()));
            factory.setRecordInterceptor((record, consumer) -> {
                if (record.topic().endsWith("own")) {
                    intercepted.add("own", "intercepted " + record.value());
                }
                return record;
            });
            factory.getContainerProperties().setAckMode(AckMode.MANUAL);
            factory.setContainerCustomizer(container -> container.setPhase(77));
            return factory;
        }

        @Bean
        KafkaListenerErrorHandler absorbing() {
            return (message, exception) -> null;
        }

        @BackpressuredListener(id = "own")
        void own(String value) {
            seen.add("own", value);
            if (value.startsWith("fail")) {
                throw new IllegalStateException(value);
            }
        }

        /** In the manual mode of the factory, only who acknowledges has finished. */
        @BackpressuredListener(id = "manual")
        void manual(String value, Acknowledgment acknowledgment) {
            seen.add("manual", value);
            acknowledgment.acknowledge();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatTheApplicationsOwnFactoryIsSetToHolds(Run run) {
        apps.of(run, "own")
                .sends("a", "filtered", "fail")
                .sees(
                        "intercepted a",
                        "a",
                        "intercepted filtered",
                        "intercepted fail",
                        "fail",
                        "intercepted fail",
                        "fail",
                        "recovered fail");
        assertThat(apps.container(run, "own").getConcurrency()).isEqualTo(2);
        assertThat(apps.container(run, "own").getPhase()).isEqualTo(77);
        apps.of(run, "manual").sends("a").sees("a").commits(1);
    }

    /** Digits are a number, all else is text. */
    public static class NumberOrText implements Deserializer<Object> {

        @Override
        public Object deserialize(String topic, byte[] data) {
            String text = new String(data, StandardCharsets.UTF_8);
            return text.matches("\\d+") ? Integer.valueOf(text) : text;
        }
    }

    @BackpressuredListener(
            id = "some",
            errorHandler = "absorbing",
            properties = "value.deserializer=io.github.kafkabackpressure.parity.ConfigurationParityIT$NumberOrText")
    static class SomeAcknowledge {

        private final Seen seen;

        SomeAcknowledge(Seen seen) {
            this.seen = seen;
        }

        @KafkaHandler
        void number(Integer value, Acknowledgment acknowledgment) {
            seen.add("some", "number " + value);
            acknowledgment.acknowledge();
        }

        @KafkaHandler
        void text(String value) {
            seen.add("some", "text " + value);
            if (value.equals("absorbed")) {
                throw new IllegalStateException(value);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRecordWhoseHandlerTakesNoAcknowledgmentIsFinishedWhenItReturns(Run run) {
        apps.of(run, "some")
                .sends("a", "absorbed", "1")
                .sees("text a", "text absorbed", "number 1")
                .commits(3);
        if (run == Run.BACKPRESSURED_LISTENER) {
            apps.of(run, "some").sends("b").commits(4); // the other leaves it to the next one that acknowledges
        }
    }
}
