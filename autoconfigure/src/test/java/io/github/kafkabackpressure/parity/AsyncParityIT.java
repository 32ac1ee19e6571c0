package io.github.kafkabackpressure.parity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSettings;
import io.github.kafkabackpressure.parity.ParityApps.Run;
import io.github.kafkabackpressure.parity.ParityApps.Seen;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.support.micrometer.KafkaRecordReceiverContext;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.util.backoff.FixedBackOff;
import reactor.core.publisher.Mono;

/** Results that come later, spring-kafka's own meters and observations, and the context: the same with both. */
@EmbeddedKafka(partitions = 1)
class AsyncParityIT {

    private static ParityApps apps;

    @BeforeAll
    static void start(EmbeddedKafkaBroker broker) {
        apps = new ParityApps(
                broker,
                List.of(Beans.class, Listeners.class),
                "spring.kafka.listener.poll-timeout=200ms"); // after which @KafkaListener retries a failed result
    }

    @AfterAll
    static void stop() {
        apps.close();
    }

    @Configuration(proxyBeanMethods = false)
    static class Beans {

        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>> customizer(Seen seen) {
            return container -> {
                String id = container.getListenerId();
                container.setCommonErrorHandler(new DefaultErrorHandler(
                        (record, exception) -> seen.add("recovered " + id, record.value()), new FixedBackOff(10, 2)));
                container.getContainerProperties().setObservationEnabled(id.startsWith("observed"));
            };
        }

        @Bean
        SuspendingListener suspending(Seen seen) {
            return new SuspendingListener(seen::add);
        }

        @Bean
        MeterRegistry meterRegistry() {
            return new SimpleMeterRegistry();
        }

        @Bean
        ObservationRegistry observationRegistry(Seen seen) {
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig().observationHandler(new Watching(seen));
            return registry;
        }

        @Bean
        BackpressuredKafkaListenerContainerFactory<Object, Object> ownFactory(
                ConsumerFactory<Object, Object> consumerFactory) {
            BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                    new BackpressuredKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumerFactory);
            factory.setDefaults(ListenerSettings.of(Map.of("max-in-flight", 77)));
            return factory;
        }
    }

    static class Watching implements ObservationHandler<KafkaRecordReceiverContext> {

        private final Seen seen;

        Watching(Seen seen) {
            this.seen = seen;
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return context instanceof KafkaRecordReceiverContext;
        }

        @Override
        public void onStop(KafkaRecordReceiverContext context) {
            seen.add(
                    "observations",
                    context.getName()
                            + " " + context.getListenerId()
                            + " " + context.getRecord().value()
                            + " "
                            + context.getLowCardinalityKeyValues().stream()
                                    .map(tag -> tag.getKey() + "=" + tag.getValue())
                                    .filter(tag -> !tag.contains("messaging.source.name"))
                                    .sorted()
                                    .collect(Collectors.joining(","))
                                    .replace("k.", "")
                                    .replace("b.", "")
                            + (context.getError() == null
                                    ? ""
                                    : " " + context.getError().getClass().getSimpleName()));
        }
    }

    static class Listeners {

        private final Seen seen;

        private final ObservationRegistry observations;

        Listeners(Seen seen, ObservationRegistry observations) {
            this.seen = seen;
            this.observations = observations;
        }

        private static CompletableFuture<String> later(String value) {
            return CompletableFuture.supplyAsync(
                    () -> {
                        if (value.startsWith("fail")) {
                            throw new IllegalStateException(value);
                        }
                        return "done " + value;
                    },
                    CompletableFuture.delayedExecutor(30, TimeUnit.MILLISECONDS));
        }

        @BackpressuredListener(id = "future")
        CompletableFuture<String> future(String value) {
            seen.add("future", value);
            return later(value);
        }

        @BackpressuredListener(id = "mono")
        Mono<String> mono(String value) {
            seen.add("mono", value);
            return Mono.fromFuture(later(value));
        }

        @BackpressuredListener(id = "replying")
        @SendTo("${run}.replies")
        CompletableFuture<String> replying(String value) {
            return later(value);
        }

        @KafkaListener(id = "replies")
        void replies(String value) {
            seen.add("replies", value);
        }

        @BackpressuredListener(id = "observed")
        void observed(String value) {
            seen.add("observed", value + " within " + (observations.getCurrentObservation() != null));
            if (value.startsWith("fail")) {
                throw new IllegalStateException(value);
            }
        }

        @BackpressuredListener(id = "observed-later")
        CompletableFuture<String> observedLater(String value) {
            seen.add("observed", value + " within " + (observations.getCurrentObservation() != null));
            return later(value);
        }

        @BackpressuredListener(id = "timed")
        void timed(String value) {
            if (value.startsWith("fail")) {
                throw new IllegalStateException(value);
            }
        }

        @BackpressuredListener(id = "of-own-factory", containerFactory = "ownFactory")
        void ofOwnFactory(String value) {
            seen.add("of-own-factory", value);
        }

        @BackpressuredListener(id = "context")
        void context(String value) {
            seen.add("context", value);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRecordIsFinishedWhenItsFutureIs(Run run) {
        apps.of(run, "future").sends("a", "b").sees("a", "b").commits(2);
    }

    @ParameterizedTest
    @EnumSource
    void aFailedMonoGoesToTheErrorHandler(Run run) {
        apps.send(run, "mono", "a", "fail b", "c");
        assertThat(apps.awaitSeen(run, "recovered mono", 1)).containsExactly("fail b");
        apps.awaitCommitted(run, "mono", "mono", 3);
        assertThat(apps.seen(run, "mono")).contains("a", "c");
        assertThat(apps.seen(run, "mono").stream().filter("fail b"::equals)).hasSize(3);
    }

    @ParameterizedTest
    @EnumSource
    void aRecordIsFinishedWhenTheFunctionThatSuspendedIs(Run run) {
        apps.of(run, "suspending").sends("a", "fail b", "c");
        assertThat(apps.awaitSeen(run, "recovered suspending", 1)).containsExactly("fail b");
        apps.of(run, "suspending").commits(3);
        // With @KafkaListener, what follows a failed one in its poll may come again with it.
        await().untilAsserted(() -> assertThat(apps.seen(run, "resumed")).contains("a", "c"));
        assertThat(apps.seen(run, "resumed")).containsOnly("a", "c");
        assertThat(apps.seen(run, "suspending").stream().filter("fail b"::equals))
                .hasSize(3);
    }

    @ParameterizedTest
    @EnumSource
    void repliesWithResultsThatComeLater(Run run) {
        apps.send(run, "replying", "a");
        assertThat(apps.awaitSeen(run, "replies", 1)).containsExactly("done a");
        apps.awaitCommitted(run, "replying", "replying", 1);
    }

    @Test
    void observesTheSame() {
        for (Run run : Run.values()) {
            apps.send(run, "observed", "a", "fail b");
            apps.send(run, "observed-later", "c");
            assertThat(apps.awaitSeen(run, "observations", 5)).hasSize(5);
            assertThat(apps.seen(run, "observed")).hasSize(5).allMatch(value -> value.endsWith("within true"));
        }
        assertThat(Set.copyOf(apps.seen(Run.BACKPRESSURED_LISTENER, "observations")))
                .isEqualTo(Set.copyOf(apps.seen(Run.KAFKA_LISTENER, "observations")));
    }

    @ParameterizedTest
    @EnumSource
    void timesTheSame(Run run) {
        apps.send(run, "timed", "a", "fail b");
        apps.awaitSeen(run, "recovered timed", 1);
        MeterRegistry registry = apps.bean(run, MeterRegistry.class);
        await().untilAsserted(() -> assertThat(registry.get("spring.kafka.listener")
                        .tags("name", "timed-0", "result", "failure", "exception", "IllegalStateException")
                        .timer()
                        .count())
                .isEqualTo(3));
        assertThat(registry.get("spring.kafka.listener")
                        .tags("name", "timed-0", "result", "success", "exception", "none")
                        .timer()
                        .count())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void aUserMayMakeAFactory(Run run) {
        apps.of(run, "of-own-factory").sends("a").sees("a");
        var container = (BackpressuredMessageListenerContainer<?, ?>) apps.container(run, "of-own-factory");
        assertThat(container.getOptions().maxInFlight()).isEqualTo(77);
    }

    @ParameterizedTest
    @EnumSource
    void stopsAndStartsWithTheContext(Run run) {
        apps.send(run, "context", "a");
        apps.awaitSeen(run, "context", 1);
        apps.awaitCommitted(run, "context", "context", 1);
        apps.context(run).stop();
        assertThat(apps.container(run, "context").isRunning()).isFalse();
        apps.context(run).start();
        apps.send(run, "context", "b");
        assertThat(apps.awaitSeen(run, "context", 2)).containsExactly("a", "b");
    }
}
