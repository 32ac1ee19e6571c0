package io.github.kafkabackpressure.documents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerOptions;
import io.github.kafkabackpressure.listener.RateLimitOptions;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.RedisProcess;
import io.github.kafkabackpressure.test.TestApp;
import io.grpc.ServerServiceDefinition;
import io.lettuce.core.RedisClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.consumer.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.kafka.test.utils.KafkaTestUtils;

/** What the documents show starts, and does what they say. */
@EmbeddedKafka(
        partitions = 1,
        topics = {"orders", "orders-dlt"})
class SnippetsIT {

    private final EmbeddedKafkaBroker broker;

    SnippetsIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    /** One retry, and then the dead-letter topic. */
    @ParameterizedTest
    @ValueSource(classes = {Snippets.Before.Orders.class, Snippets.After.Orders.class})
    void whatIsSetForKafkaListenersHoldsAfterTheMigration(Class<?> orders) {
        String order = orders.getName();
        try (ConfigurableApplicationContext context = TestApp.start(
                        broker.getBrokersAsString(), List.of(orders), "spring.kafka.consumer.group-id=" + order);
                Consumer<String, String> letters = new DefaultKafkaConsumerFactory<String, String>(
                                KafkaTestUtils.consumerProps(broker, "letters-" + order, true))
                        .createConsumer()) {
            broker.consumeFromAnEmbeddedTopic(letters, "orders-dlt");
            context.getBean(BackpressuredKafkaTemplate.class).send("orders", order);

            await().until(() -> StreamSupport.stream(
                            KafkaTestUtils.getRecords(letters, Duration.ofMillis(200))
                                    .spliterator(),
                            false)
                    .anyMatch(letter -> letter.value().equals(order)));
            assertThat(Snippets.PAID.stream().filter(order::equals)).hasSize(2);
        }
    }

    @Test
    void theBufferedTemplateIsInjectedAndRefusesWhatItHasNoRoomFor() {
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                WebApplicationType.SERVLET,
                "127.0.0.1:1", // nobody: records stay in the buffer
                List.of(Snippets.Buffered.Orders.class, Snippets.Shop.class, Http.Open.class),
                "kafka.backpressure.producer.max-buffered=2",
                "kafka.backpressure.producer.flush-timeout=100ms")) {
            CompletableFuture.runAsync(() ->
                            context.getBean(Snippets.Buffered.Orders.class).place("1", "a cup"))
                    .orTimeout(20, TimeUnit.SECONDS)
                    .join();
            Http http = new Http(context);
            await().until(() -> http.post("/orders", "\"more\"").statusCode() == 503);
            assertThat(Snippets.grpc(
                            context.getBean(BackpressuredKafkaTemplate.class),
                            ServerServiceDefinition.builder("orders").build()))
                    .isNotNull();
        }
    }

    /** Each file has what one document shows; what does not exist or cannot be would stop the start. */
    @ParameterizedTest
    @ValueSource(strings = {"endpoint", "health", "live-page", "shutdown", "web"})
    void applicationsStartWithThePropertiesThatAreShown(String file) {
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                WebApplicationType.SERVLET,
                "127.0.0.1:1",
                List.of(Http.Open.class),
                "spring.config.location=classpath:documents/" + file + ".properties")) {
            Http http = new Http(context);
            switch (file) {
                case "endpoint" ->
                    assertThat(http.get("/actuator/kafkabackpressure").statusCode())
                            .isEqualTo(200);
                case "health" ->
                    assertThat(http.get("/actuator/health/readiness").statusCode())
                            .isEqualTo(200);
                case "live-page" ->
                    assertThat(http.get("/actuator/kafkabackpressuredashboard").body())
                            .contains("<html");
                default -> assertThat(context.isRunning()).isTrue();
            }
        }
    }

    @Test
    void theAnswersToOverloadAreWhatTheDocumentSays() {
        try (ConfigurableApplicationContext context = TestApp.start(
                "127.0.0.1:1",
                List.of(Overloaded.class),
                "spring.config.location=classpath:documents/overload.yml",
                "spring.kafka.consumer.group-id=overloaded")) {
            assertThat(options(context, "dashboard").overload().overflow()).isEqualTo(ListenerOverflow.CONFLATE);
            assertThat(options(context, "telemetry").maxInFlight()).isEqualTo(2000);
            assertThat(options(context, "orders").overload().rateLimit())
                    .extracting(RateLimitOptions::rate, RateLimitOptions::burst)
                    .containsExactly(50L, 10L);
            assertThat(options(context, "imports").overload().rateLimit())
                    .extracting(RateLimitOptions::header)
                    .isEqualTo("tenant");
            assertThat(options(context, "requests").overload().droppedTo()).isEqualTo("requests-dropped");
        }
    }

    @Test
    void aRateIsSharedByABeanOfBucket4j() throws Exception {
        Assumptions.assumeTrue(
                RedisProcess.isInstalled(), "redis-server is not installed: apt-get install redis-server");
        try (RedisProcess redis = RedisProcess.start();
                RedisClient client = RedisClient.create(redis.url());
                ConfigurableApplicationContext context = TestApp.start(
                        "127.0.0.1:1",
                        beans -> beans.registerBean(RedisClient.class, () -> client),
                        List.of(Snippets.Quota.class, Shared.class),
                        "spring.config.location=classpath:documents/shared-rate.yml",
                        "spring.kafka.consumer.group-id=shared")) {
            RateLimitOptions limit = options(context, "orders").overload().rateLimit();
            assertThat(limit.shared()).isEqualTo("quota");
            assertThat(context.getBean(SharedRateLimit.class)
                            .take("some", 5, new SharedRateLimit.Rate(limit.rate(), limit.burst()))
                            .toCompletableFuture()
                            .get(10, TimeUnit.SECONDS)
                            .tokens())
                    .isEqualTo(5);
        }
    }

    private static ListenerOptions options(ConfigurableApplicationContext context, String id) {
        var container = (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
        return container.getOptions();
    }

    static class Shared {

        @BackpressuredListener(id = "orders", topics = "orders", autoStartup = "false")
        void handle(String value) {}
    }

    static class Overloaded extends Shared {

        @BackpressuredListener(id = "dashboard", topics = "sensors", autoStartup = "false")
        void show(String value) {}

        @BackpressuredListener(id = "telemetry", topics = "telemetry", autoStartup = "false")
        void note(String value) {}

        @BackpressuredListener(id = "imports", topics = "imports", autoStartup = "false")
        void take(String value) {}

        @BackpressuredListener(id = "requests", topics = "requests", autoStartup = "false")
        void serve(Map<String, Object> value) {}
    }
}
