package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.Scenario;
import io.github.kafkabackpressure.test.TestApp;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.WebApplicationType;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** Requests that send while their application closes: a web server ends them before the flush. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class WebShutdownIT {

    private static final List<String> FIVE =
            IntStream.range(0, 5).mapToObj(i -> "value " + i).toList();

    private final EmbeddedKafkaBroker broker;

    WebShutdownIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @Configuration(proxyBeanMethods = false)
    @Import({Http.Open.class, Web.class, Hanging.class})
    static class App {}

    @RestController
    static class Web {

        final KafkaTemplate<Object, Object> template;

        private final String topic;

        final CountDownLatch begun = new CountDownLatch(1);

        private final CountDownLatch closing = new CountDownLatch(1);

        Web(
                KafkaTemplate<Object, Object> plain,
                BackpressuredKafkaTemplate<Object, Object> buffered,
                @Value("${chosen}") String chosen,
                @Value("${topic}") String topic) {
            this.template = chosen.equals("plain") ? plain : buffered;
            this.topic = topic;
        }

        @EventListener
        void closing(ContextClosedEvent event) {
            closing.countDown();
        }

        /** Sends five records, one every 100 ms, once the context closes, and answers when they are on the topic. */
        @PostMapping("/slow")
        Mono<String> slow() {
            return Mono.fromCallable(() -> {
                        begun.countDown();
                        closing.await();
                        List<CompletableFuture<?>> sends = new ArrayList<>();
                        for (String value : FIVE) {
                            sends.add(template.send(topic, value));
                            Thread.sleep(100);
                        }
                        sends.forEach(CompletableFuture::join);
                        return "sent";
                    })
                    .subscribeOn(Schedulers.boundedElastic());
        }

        @PostMapping("/quick")
        Mono<String> quick() {
            return Mono.fromFuture(template.send(topic, "quick")).thenReturn("sent");
        }
    }

    static class Hanging {

        final CountDownLatch release = new CountDownLatch(1);

        final Queue<String> begun = new ConcurrentLinkedQueue<>();

        @BackpressuredListener(id = "hanging-${topic}", topics = "hanging-${topic}", drainTimeout = "2s")
        void handle(String value) {
            begun.add(value);
            Scenario.hang(release);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "SERVLET, plain, false",
        "SERVLET, buffered, false",
        "SERVLET, buffered, true",
        "REACTIVE, plain, false",
        "REACTIVE, buffered, true"
    })
    void whatARequestInFlightSendsIsDelivered(WebApplicationType type, String template, boolean hangs)
            throws Exception {
        String topic = (type + "-" + template + "-" + hangs).toLowerCase();
        broker.addTopics(new NewTopic(topic, 1, (short) 1), new NewTopic("hanging-" + topic, 1, (short) 1));
        ConfigurableApplicationContext context = TestApp.startWeb(
                type,
                broker.getBrokersAsString(),
                List.of(App.class),
                "topic=" + topic,
                "chosen=" + template,
                "server.shutdown=graceful");
        Hanging listener = context.getBean(Hanging.class);
        try {
            Web web = context.getBean(Web.class);
            Http http = new Http(context);
            if (hangs) {
                web.template.send("hanging-" + topic, "hangs");
                await().until(() -> listener.begun.size() == 1);
            }
            CompletableFuture<HttpResponse<String>> slow = CompletableFuture.supplyAsync(() -> http.post("/slow", ""));
            web.begun.await();
            CompletableFuture<Void> closed = CompletableFuture.runAsync(context::close);
            int quick = 0;
            if (hangs) {
                web.closing.await(); // and the listener drains for two seconds
                for (; quick < 5; quick++) {
                    assertThat(http.post("/quick", "").statusCode()).isEqualTo(200);
                }
            }
            closed.join();
            assertThat(slow.join().statusCode()).isEqualTo(200);
            assertThat(TopicReader.values(broker.getBrokersAsString(), topic))
                    .containsAll(FIVE)
                    .hasSize(5 + quick);
        } finally {
            listener.release.countDown();
            context.close();
        }
    }
}
