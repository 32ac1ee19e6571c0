package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.jayway.jsonpath.JsonPath;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.test.Http;
import io.github.kafkabackpressure.test.TestApp;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.actuate.audit.AuditEvent;
import org.springframework.boot.actuate.audit.AuditEventRepository;
import org.springframework.boot.actuate.audit.InMemoryAuditEventRepository;
import org.springframework.boot.security.autoconfigure.actuate.web.servlet.EndpointRequest;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.userdetails.User;
import org.springframework.security.core.userdetails.UserDetailsService;
import org.springframework.security.provisioning.InMemoryUserDetailsManager;
import org.springframework.security.web.SecurityFilterChain;

/** Steering a listener by the endpoint, under Spring Security. */
@EmbeddedKafka(partitions = 1, brokerProperties = "offsets.topic.num.partitions=1")
class OperationsIT {

    private static final String PATH = "/actuator/kafkabackpressure/operated";

    private final EmbeddedKafkaBroker broker;

    private ConfigurableApplicationContext context;

    private Http http;

    private Operated listener;

    private String topic;

    private BackpressuredMessageListenerContainer<?, ?> container;

    OperationsIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @BeforeEach
    void start() {
        topic = "operated-" + System.nanoTime();
        broker.addTopics(new NewTopic(topic, 4, (short) 1));
        context = TestApp.startWeb(
                WebApplicationType.SERVLET,
                broker.getBrokersAsString(),
                List.of(App.class),
                "management.endpoints.web.exposure.include=kafkabackpressure",
                "operated.topic=" + topic,
                "kafka.backpressure.listeners.operated.max-in-flight=1000",
                "kafka.backpressure.listeners.operated.ordering=unordered",
                "kafka.backpressure.listeners.operated.max-concurrency=4",
                "kafka.backpressure.listeners.operated.drain-timeout=3s");
        http = new Http(context).as("olga", "secret");
        listener = context.getBean(Operated.class);
        container = (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("operated");
    }

    @AfterEach
    void stop() {
        listener.sleep = 0;
        context.close();
    }

    private void send(int count) {
        KafkaTemplate<Object, Object> template = context.getBean("kafkaTemplate", KafkaTemplate.class);
        for (int i = 0; i < count; i++) {
            template.send(topic, i % 4, null, String.valueOf(listener.sent.incrementAndGet()));
        }
        template.flush();
    }

    @Test
    void onlyWhoMayIsLetIn() {
        assertThat(new Http(context).get(PATH).statusCode()).isEqualTo(401);
        assertThat(new Http(context).post(PATH + "/pause", "{}").statusCode()).isEqualTo(401);
        assertThat(new Http(context)
                        .as("paul", "secret")
                        .post(PATH + "/pause", "{}")
                        .statusCode())
                .isEqualTo(403);
        assertThat(http.get(PATH).statusCode()).isEqualTo(200);
        assertThat(container.isPauseRequested()).isFalse();
    }

    @Test
    void aLimitIsLoweredUnderLoadAndRaisedAgainWithTheBoundHeldAndNoRecordLost() {
        listener.sleep = 1;
        send(8000);
        await().until(() -> container.getInFlight() > 700);

        HttpResponse<String> lowered = http.post(PATH, "{\"maxInFlight\": 10}");
        long bound = container.getInFlight();
        assertThat(lowered.statusCode()).isEqualTo(200);
        assertThat((Integer) JsonPath.read(lowered.body(), "$.limits.maxInFlight"))
                .isEqualTo(10);
        while (bound > 10) {
            long now = container.getInFlight();
            assertThat(now).isLessThanOrEqualTo(bound); // nothing is polled while there is more than the limit
            bound = now;
            Thread.onSpinWait();
        }
        int handled = listener.handled.size();
        while (listener.handled.size() < handled + 500) {
            assertThat(container.getInFlight()).isLessThanOrEqualTo(10);
            Thread.onSpinWait();
        }

        assertThat(http.post(PATH, "{\"maxInFlight\": 1000}").statusCode()).isEqualTo(200);
        await().until(() -> container.getInFlight() > 100);
        await().atMost(Duration.ofSeconds(60)).until(() -> listener.distinct.size() == listener.sent.get());
        assertThat(listener.handled).hasSize(8000);
        assertThat(audited()).anySatisfy(event -> {
            assertThat(event.getPrincipal()).isEqualTo("olga");
            assertThat(event.getData()).containsEntry("max-in-flight", 10).containsEntry("name", "operated");
        });
        assertThat((List<String>) JsonPath.read(http.get(PATH).body(), "$.timeline[?(@.kind=='limit-changed')].text"))
                .containsExactly("{max-in-flight=10}", "{max-in-flight=1000}");
    }

    @Test
    void theNumberOfWorkersIsChangedWhileTheyWork() {
        listener.sleep = 20;
        send(600);
        await().until(() -> listener.running.get() == 4);

        http.post(PATH, "{\"maxConcurrency\": 1}");
        await().until(() -> listener.running.get() <= 1);
        listener.peak.set(0);
        int handled = listener.handled.size();
        await().until(() -> listener.handled.size() > handled + 10);
        assertThat(listener.peak.get()).isEqualTo(1);

        http.post(PATH, "{\"maxConcurrency\": 8}");
        await().until(() -> listener.running.get() == 8);
        listener.sleep = 0;
        await().until(() -> listener.distinct.size() == 600);
    }

    /** At the rate of the start the second record would come after an hour. */
    @Test
    void aRateLimitIsChanged() {
        String path = "/actuator/kafkabackpressure/limited";
        Limited limited = context.getBean(Limited.class);
        KafkaTemplate<Object, Object> template = context.getBean("kafkaTemplate", KafkaTemplate.class);
        for (int i = 0; i < 50; i++) {
            template.send(topic, i % 4, null, String.valueOf(i));
        }
        await().until(() -> limited.handled.get() == 1);

        assertThat(http.post(path, "{\"rateLimitRate\": 5}").body())
                .contains("rate-limit.rate", "rate-limit.window-records was set");
        assertThat(http.post(path, "{\"rateLimitWindow\": \"soon\"}").statusCode())
                .isEqualTo(400);
        HttpResponse<String> changed =
                http.post(path, "{\"rateLimitWindowRecords\": 100, \"rateLimitWindow\": \"1s\"}");
        assertThat(changed.statusCode()).as(changed.body()).isEqualTo(200);
        assertThat((Integer) JsonPath.read(changed.body(), "$.limits.rateLimitWindowRecords"))
                .isEqualTo(100);
        assertThat((Integer) JsonPath.read(changed.body(), "$.limits.rateLimitWindowMillis"))
                .isEqualTo(1000);
        await().until(() -> limited.handled.get() == 50);
        assertThat(audited())
                .singleElement()
                .satisfies(event -> assertThat(event.getData())
                        .containsEntry("rate-limit.window-records", 100)
                        .containsEntry("name", "limited"));
    }

    @Test
    void whatCannotBeIsRefusedAsAtTheStart() {
        assertThat(http.post(PATH, "{\"maxInFlight\": 0}"))
                .satisfies(refused -> assertThat(refused.statusCode()).isEqualTo(400))
                .satisfies(refused -> assertThat(refused.body()).contains("max-in-flight", "a whole number from 1"));
        assertThat(http.post(PATH, "{\"maxInFlight\": 1}").body()).contains("number of consumers");
        assertThat(http.post(PATH, "{\"maxInFlightPerPartition\": 5000}").statusCode())
                .isEqualTo(400);
        assertThat(http.post(PATH, "{\"maxInFlightBytes\": \"1MB\"}").body()).contains("max-in-flight-bytes");
        assertThat(http.post(PATH, "{\"rateLimitRate\": 5}").body()).contains("no rate-limit was set");
        assertThat(http.post(PATH, "{}").statusCode()).isEqualTo(400);
        assertThat(http.post(PATH + "/explode", "{}").body()).contains("explode", "pause, resume, drain");
        assertThat(http.post(PATH + "/pause", "{\"topic\": \"" + topic + "\"}").statusCode())
                .isEqualTo(400);
        assertThat(http.post(PATH + "/pause", "{\"topic\": \"" + topic + "\", \"partition\": 77}")
                        .statusCode())
                .isEqualTo(400);
        assertThat(http.post("/actuator/kafkabackpressure/nobody/pause", "{}").statusCode())
                .isEqualTo(404);
        assertThat(http.post("/actuator/kafkabackpressure/producers/nobody/flush", "{}")
                        .statusCode())
                .isEqualTo(404);
        assertThat(container.getOptions().maxInFlight()).isEqualTo(1000);
        assertThat(audited()).isEmpty();
    }

    @Test
    void pausesAndResumesTheListenerAndSinglePartitions() {
        http.post(PATH + "/pause", "{}");
        await().until(() -> container.snapshot().state() == State.PAUSED
                && container.snapshot().pausedPartitions() == 4);
        send(40);
        http.post(PATH + "/pause", "{\"topic\": \"" + topic + "\", \"partition\": 2}");
        http.post(PATH + "/resume", "{}");
        await().until(() -> listener.distinct.size() == 30);
        http.post(PATH + "/resume", "{\"topic\": \"" + topic + "\", \"partition\": 2}");
        await().until(() -> listener.distinct.size() == 40);
        assertThat(audited()).hasSize(4);
    }

    @Test
    void drainsStopsStartsAndRestartsAndFlushesAProducer() {
        listener.sleep = 5;
        send(200);
        await().until(() -> container.getInFlight() > 50);

        assertThat((Integer) JsonPath.read(http.post(PATH + "/drain", "{}").body(), "$.inFlight"))
                .isZero();
        http.post(PATH + "/stop", "{}");
        assertThat(container.isRunning()).isFalse();
        assertThat((String) JsonPath.read(http.get(PATH).body(), "$.state")).isEqualTo("stopped");
        http.post(PATH + "/start", "{}");
        http.post(PATH + "/resume", "{}");
        await().until(() -> listener.distinct.size() == 200);
        assertThat((String) JsonPath.read(http.post(PATH + "/restart", "{}").body(), "$.state"))
                .isEqualTo("running");
        HttpResponse<String> flushed =
                http.post("/actuator/kafkabackpressure/producers/backpressuredKafkaTemplate/flush", "{}");
        assertThat((Boolean) JsonPath.read(flushed.body(), "$.flushed")).isTrue();
        assertThat((List<Boolean>) JsonPath.read(flushed.body(), "$.timeline[?(@.kind=='flushed')].complete"))
                .containsExactly(true);
    }

    private List<AuditEvent> audited() {
        return context.getBean(AuditEventRepository.class).find(null, null, "KAFKA_BACKPRESSURE_CHANGED");
    }

    @Configuration(proxyBeanMethods = false)
    static class App {

        @Bean
        Operated operated() {
            return new Operated();
        }

        @Bean
        Limited limited() {
            return new Limited();
        }

        @Bean
        AuditEventRepository audit() {
            return new InMemoryAuditEventRepository();
        }

        @Bean
        UserDetailsService users() {
            return new InMemoryUserDetailsManager(
                    User.withUsername("olga")
                            .password("{noop}secret")
                            .roles("OPERATOR")
                            .build(),
                    User.withUsername("paul")
                            .password("{noop}secret")
                            .roles("USER")
                            .build());
        }

        @Bean
        SecurityFilterChain security(HttpSecurity security) throws Exception {
            return security.securityMatcher(EndpointRequest.toAnyEndpoint())
                    .authorizeHttpRequests(requests -> requests.anyRequest().hasRole("OPERATOR"))
                    .httpBasic(Customizer.withDefaults())
                    .csrf(csrf -> csrf.disable())
                    .build();
        }
    }

    static class Limited {

        final AtomicInteger handled = new AtomicInteger();

        @BackpressuredListener(
                id = "limited",
                topics = "${operated.topic}",
                groupId = "${operated.topic}-limited",
                rateLimitWindowRecords = "1",
                rateLimitWindow = "1h")
        void handle(String value) {
            handled.incrementAndGet();
        }
    }

    static class Operated {

        final AtomicInteger sent = new AtomicInteger();

        final Queue<String> handled = new ConcurrentLinkedQueue<>();

        final Set<String> distinct = ConcurrentHashMap.newKeySet();

        final AtomicInteger running = new AtomicInteger();

        final AtomicInteger peak = new AtomicInteger();

        volatile long sleep;

        @BackpressuredListener(
                id = "operated",
                topics = "${operated.topic}",
                groupId = "${operated.topic}",
                concurrency = "2")
        void handle(String value) throws InterruptedException {
            peak.accumulateAndGet(running.incrementAndGet(), Math::max);
            try {
                Thread.sleep(sleep);
            } finally {
                running.decrementAndGet();
            }
            distinct.add(value);
            handled.add(value);
        }
    }
}
