package io.github.kafkabackpressure.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.jayway.jsonpath.JsonPath;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.TestApp;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

/** What web clients of an application under pressure are told. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class WebPressureIT {

    private final EmbeddedKafkaBroker broker;

    WebPressureIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    private ConfigurableApplicationContext start(WebApplicationType type, String... more) {
        String topic = "orders-" + type + System.nanoTime();
        broker.addTopics(new NewTopic(topic, 1, (short) 1));
        List<String> properties = new ArrayList<>(List.of(
                "orders.topic=" + topic,
                "management.endpoints.web.exposure.include=health",
                "management.endpoint.health.probes.enabled=true",
                "management.endpoint.health.group.readiness.include=readinessState,kafkaBackpressure",
                "kafka.backpressure.health.grace=0s",
                "kafka.backpressure.health.listener-threshold=0.9"));
        properties.addAll(List.of(more));
        return TestApp.startWeb(
                type, broker.getBrokersAsString(), List.of(App.class), properties.toArray(String[]::new));
    }

    @ParameterizedTest
    @EnumSource(
            value = WebApplicationType.class,
            names = {"SERVLET", "REACTIVE"})
    void aListenerThatIsFullTurnsRequestsAwayAndTheApplicationOutOfServiceUntilItHasDrained(WebApplicationType type) {
        try (ConfigurableApplicationContext context = start(
                type,
                "kafka.backpressure.listeners.orders.max-in-flight=10",
                "kafka.backpressure.listeners.orders.ordering=unordered",
                "kafka.backpressure.web.rules[0].paths=/orders/**",
                "kafka.backpressure.web.rules[0].methods=post",
                "kafka.backpressure.web.rules[0].listener=orders",
                "kafka.backpressure.web.rules[0].threshold=0.9",
                "kafka.backpressure.web.rules[0].exempt-header=X-Priority",
                "kafka.backpressure.web.rules[0].exempt-priority=8")) {
            Http http = new Http(context);
            Semaphore permits = context.getBean(Semaphore.class);
            assertThat(http.get("/actuator/health/readiness").statusCode()).isEqualTo(200);
            assertThat(http.post("/orders/1", "{}").statusCode()).isEqualTo(200);
            for (int i = 2; i <= 20; i++) {
                http.post("/orders/" + i, "{}", "X-Priority", "9");
            }

            await().until(() -> http.get("/actuator/health/readiness").statusCode() == 503);
            assertThat(http.get("/actuator/health/readiness").body()).contains("OUT_OF_SERVICE");
            assertThat(http.get("/actuator/health/liveness").statusCode()).isEqualTo(200);
            HttpResponse<String> refused = http.post("/orders/21", "{}");
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(refused.headers().firstValue("Content-Type").orElse("")).startsWith("application/problem+json");
            assertThat(refused.headers().firstValueAsLong("Retry-After").orElse(0))
                    .isBetween(1L, 60L);
            assertThat((Integer) JsonPath.read(refused.body(), "$.status")).isEqualTo(429);
            assertThat(http.post("/orders/21", "{}", "X-Priority", "8").statusCode())
                    .isEqualTo(200);
            assertThat(http.post("/orders/21", "{}", "X-Priority", "7").statusCode())
                    .isEqualTo(429);
            assertThat(http.post("/others", "{}").statusCode()).isEqualTo(200);

            permits.release(1000);
            await().until(() -> http.post("/orders/22", "{}").statusCode() == 200);
            await().until(() -> http.get("/actuator/health/readiness").statusCode() == 200);
        }
    }

    @Test
    void aListenerRefusesFromItsThresholdOnAndUntilItIsAtItsLowWatermark() {
        try (ConfigurableApplicationContext context = start(
                WebApplicationType.SERVLET,
                "kafka.backpressure.listeners.orders.max-in-flight=10",
                "kafka.backpressure.listeners.orders.ordering=unordered",
                "kafka.backpressure.web.rules[0].paths=/orders/**",
                "kafka.backpressure.web.rules[0].listener=orders",
                "kafka.backpressure.web.rules[0].threshold=0.9")) {
            Http http = new Http(context);
            BackpressuredMessageListenerContainer<?, ?> container =
                    context.getBean(ListenerContainers.class).find("orders").orElseThrow();
            Semaphore permits = context.getBean(Semaphore.class);
            for (int i = 1; i <= 8; i++) {
                http.post("/orders/" + i, "{}");
            }
            await().until(() -> container.getInFlight() == 8);
            assertThat(http.post("/orders/9", "{}").statusCode()).isEqualTo(200);
            await().until(() -> container.getInFlight() == 9);
            assertThat(http.post("/orders/10", "{}").statusCode()).isEqualTo(429);
            permits.release(3);
            await().until(() -> container.getInFlight() == 6);
            assertThat(http.post("/orders/10", "{}").statusCode()).isEqualTo(429);
            permits.release(1);
            await().until(() -> container.getInFlight() == 5);
            assertThat(http.post("/orders/10", "{}").statusCode()).isEqualTo(200);
            permits.release(1000);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = WebApplicationType.class,
            names = {"SERVLET", "REACTIVE"})
    void whatATemplateRefusesIsTranslatedUnlessTheApplicationDoesSoItself(WebApplicationType type) {
        try (ConfigurableApplicationContext context = start(type)) {
            Http http = new Http(context);
            assertThat(http.post("/refused/RATE_LIMITED", "").statusCode()).isEqualTo(429);
            for (String outcome : List.of("DROPPED", "REJECTED", "TIMED_OUT", "CLOSED")) {
                HttpResponse<String> refused = http.post("/refused/" + outcome, "");
                assertThat(refused.statusCode()).isEqualTo(503);
                assertThat(refused.headers().firstValue("Retry-After")).isPresent();
                assertThat(refused.body()).contains("503").doesNotContain("secret");
            }
        }
        try (ConfigurableApplicationContext context = start(type, "kafka.backpressure.web.translate-refusals=false")) {
            assertThat(new Http(context).post("/refused/RATE_LIMITED", "").statusCode())
                    .isEqualTo(500);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @Import(Http.Open.class)
    static class App {

        @Bean
        Semaphore permits() {
            return new Semaphore(0);
        }

        @Bean
        Orders orders(Semaphore permits) {
            return new Orders(permits);
        }

        @Bean
        Web web(BackpressuredKafkaTemplate<Object, Object> template, @Value("${orders.topic}") String topic) {
            return new Web(template, topic);
        }
    }

    static class Orders {

        private final Semaphore permits;

        Orders(Semaphore permits) {
            this.permits = permits;
        }

        @BackpressuredListener(id = "orders", topics = "${orders.topic}")
        void handle(String order) throws InterruptedException {
            permits.acquire();
        }
    }

    @RestController
    static class Web {

        private final BackpressuredKafkaTemplate<Object, Object> template;

        private final String topic;

        Web(BackpressuredKafkaTemplate<Object, Object> template, String topic) {
            this.template = template;
            this.topic = topic;
        }

        @PostMapping("/orders/{id}")
        CompletableFuture<String> order(@PathVariable("id") String id) {
            return template.send(topic, id).thenApply(sent -> "taken");
        }

        @PostMapping("/others")
        String others() {
            return "done";
        }

        @PostMapping("/refused/{outcome}")
        CompletableFuture<String> refused(@PathVariable("outcome") SendOutcome outcome) {
            return CompletableFuture.failedFuture(
                    new RecordNotSentException(new ProducerRecord<>(topic, "secret"), outcome, "refused", null));
        }
    }
}
