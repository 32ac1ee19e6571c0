package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.jayway.jsonpath.JsonPath;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.TestApp;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
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
    void saysWhatListenersAndTemplatesHaveInWorkAndNothingOfTheirRecords(WebApplicationType type) {
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
            context.getBean(CountDownLatch.class).countDown();
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
