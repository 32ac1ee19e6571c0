package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.jayway.jsonpath.JsonPath;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.TestApp;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** The endpoint of an application with a web server. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class EndpointIT {

    private final String brokers;

    private final EmbeddedKafkaBroker broker;

    EndpointIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
        this.broker = broker;
    }

    @ParameterizedTest
    @EnumSource(
            value = WebApplicationType.class,
            names = {"SERVLET", "REACTIVE"})
    void saysWhatListenersAndTemplatesHaveInWorkAndNothingOfTheirRecords(WebApplicationType type) throws IOException {
        broker.addTopics(new NewTopic("hanging-" + type, 1, (short) 1));
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                type,
                brokers,
                List.of(Hanging.class, Http.Open.class),
                "spring.application.name=" + type,
                "management.endpoints.web.exposure.include=kafkabackpressure")) {
            Http http = new Http(context);
            BackpressuredKafkaTemplate<Object, Object> template = context.getBean(BackpressuredKafkaTemplate.class);
            IntStream.range(0, 50).forEach(i -> template.send("hanging-" + type, "secret-key", "secret-value"));

            await().untilAsserted(() -> {
                HttpResponse<String> all = http.get("/actuator/kafkabackpressure");
                assertThat(all.statusCode()).isEqualTo(200);
                assertThat(all.body()).doesNotContain("secret");
                assertThat((List<Integer>) JsonPath.read(all.body(), "$.listeners[?(@.id=='hanging')].inFlight"))
                        .containsExactly(50);
                assertThat((List<Integer>)
                                JsonPath.read(all.body(), "$.listeners[0].partitions[?(@.partition==0)].position"))
                        .containsExactly(50);
                assertThat((String) JsonPath.read(all.body(), "$.listeners[0].slowest[0].waitsFor"))
                        .isEqualTo("method");
                assertThat((Boolean) JsonPath.read(all.body(), "$.writable")).isTrue();
                assertThat((Integer) JsonPath.read(all.body(), "$.producers[0].outcomes.delivered"))
                        .isEqualTo(50);
            });
            assertThat((String) JsonPath.read(
                            http.get("/actuator/kafkabackpressure/hanging").body(), "$.state"))
                    .isEqualTo("running");
            assertThat(http.get("/actuator/kafkabackpressure/other").statusCode())
                    .isEqualTo(404);
            String all = http.get("/actuator/kafkabackpressure").body();
            String shown = Files.readString(Path.of("..", "docs", "endpoint.md"))
                    .split("```json", 2)[1]
                    .split("```", 2)[0];
            for (String path : List.of(
                    "$",
                    "$.listeners[0]",
                    "$.listeners[0].limits",
                    "$.listeners[0].recent",
                    "$.listeners[0].totals",
                    "$.listeners[0].partitions[0]",
                    "$.listeners[0].slowest[0]",
                    "$.listeners[0].timeline[0]",
                    "$.producers[0]",
                    "$.producers[0].limits")) {
                assertThat(keys(all, path)).as(path).containsExactlyInAnyOrderElementsOf(keys(shown, path));
            }
            context.getBean(CountDownLatch.class).countDown();
        }
    }

    private static Set<String> keys(String json, String path) {
        return JsonPath.<Map<String, Object>>read(json, path).keySet();
    }

    @Test
    void whoAsksForTheDetailsOfOneListenerGetsTheOthersInBrief() {
        broker.addTopics(new NewTopic("hanging-brief", 1, (short) 1));
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                WebApplicationType.SERVLET,
                brokers,
                List.of(Hanging.class, Http.Open.class),
                "spring.application.name=brief",
                "management.endpoints.web.exposure.include=kafkabackpressure")) {
            Http http = new Http(context);
            context.getBean(CountDownLatch.class).countDown();
            await().untilAsserted(() -> {
                assertThat(keys(http.get("/actuator/kafkabackpressure").body(), "$.listeners[0]"))
                        .contains("partitions", "slowest", "timeline", "alarms");
                assertThat(keys(
                                http.get("/actuator/kafkabackpressure?details=hanging")
                                        .body(),
                                "$.listeners[0]"))
                        .contains("partitions", "slowest", "timeline", "alarms");
            });
            for (String none : List.of("", "other")) {
                assertThat(keys(
                                http.get("/actuator/kafkabackpressure?details=" + none)
                                        .body(),
                                "$.listeners[0]"))
                        .contains("inFlight", "totals", "alarms")
                        .doesNotContain("partitions", "slowest", "timeline");
            }
        }
    }

    @Test
    void keysOfRecordsAreShownOnlyIfThatIsAllowed() {
        broker.addTopics(new NewTopic("hanging-keys", 1, (short) 1));
        try (ConfigurableApplicationContext context = TestApp.startWeb(
                WebApplicationType.SERVLET,
                brokers,
                List.of(Hanging.class, Http.Open.class),
                "spring.application.name=keys",
                "kafka.backpressure.endpoint.show-keys=true",
                "management.endpoint.kafkabackpressure.access=read-only",
                "management.endpoints.web.exposure.include=kafkabackpressure")) {
            Http http = new Http(context);
            context.getBean(BackpressuredKafkaTemplate.class).send("hanging-keys", "the-key", "secret-value");

            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(http.get("/actuator/kafkabackpressure/hanging")
                                    .body())
                            .contains("\"key\":\"the-key\""));
            assertThat(http.get("/actuator/kafkabackpressure").body()).doesNotContain("secret-value");
            assertThat((Boolean) JsonPath.read(
                            http.get("/actuator/kafkabackpressure").body(), "$.writable"))
                    .isFalse();
            assertThat(http.post("/actuator/kafkabackpressure/hanging/stop", "{}")
                            .statusCode())
                    .isEqualTo(404); // there is no such operation
            assertThat((String) JsonPath.read(
                            http.get("/actuator/kafkabackpressure/hanging").body(), "$.state"))
                    .isEqualTo("running");
            context.getBean(CountDownLatch.class).countDown();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Hanging {

        @Bean
        CountDownLatch latch() {
            return new CountDownLatch(1);
        }

        @Bean
        HangingListener hangingListener(CountDownLatch latch) {
            return new HangingListener(latch);
        }
    }

    static class HangingListener {

        private final CountDownLatch latch;

        HangingListener(CountDownLatch latch) {
            this.latch = latch;
        }

        @BackpressuredListener(id = "hanging", topics = "hanging-${spring.application.name}")
        void handle(String value) throws InterruptedException {
            latch.await();
        }
    }
}
