package io.github.kafkabackpressure.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.jayway.jsonpath.JsonPath;
import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.test.TestApp;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** The meters of a running application, and what the documents say of them. */
@EmbeddedKafka(partitions = 2, topics = "metered", brokerProperties = "offsets.topic.num.partitions=1")
class MetersIT {

    private static final Path DOCS = Path.of("../docs");

    private final String brokers;

    MetersIT(EmbeddedKafkaBroker broker) {
        this.brokers = broker.getBrokersAsString();
    }

    private ConfigurableApplicationContext start(MeterRegistry registry, String... properties) {
        return TestApp.start(
                brokers,
                context -> context.registerBean(
                        "registry", MeterRegistry.class, () -> registry, definition -> definition.setPrimary(true)),
                List.of(App.class),
                properties);
    }

    private static Set<String> listenerMeters(MeterRegistry registry) {
        return registry.getMeters().stream()
                .map(Meter::getId)
                .filter(id -> id.getName().startsWith("kafka.backpressure.listener."))
                .map(Meter.Id::getName)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** All of ours, with their tags. */
    private static Set<String> meters(MeterRegistry registry) {
        return registry.getMeters().stream()
                .map(meter -> meter.getId().toString())
                .filter(id -> id.contains("kafka.backpressure."))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void metersTellWhatWasHandledAndGoWithTheirContainerAndComeAgain() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (ConfigurableApplicationContext context = start(registry, "kafka.backpressure.metrics.partitions=true")) {
            BackpressuredKafkaTemplate<Object, Object> template = context.getBean(BackpressuredKafkaTemplate.class);
            for (int i = 0; i < 100; i++) {
                template.send("metered", i % 2, null, "value");
            }
            await().untilAsserted(() -> {
                assertThat(registry.get("kafka.backpressure.listener.records")
                                .tags("listener", "metered", "outcome", "handled")
                                .functionCounter()
                                .count())
                        .isEqualTo(100);
                assertThat(registry.get("kafka.backpressure.listener.handling")
                                .tags("listener", "metered", "outcome", "handled")
                                .functionTimer()
                                .totalTime(TimeUnit.NANOSECONDS))
                        .isPositive();
                assertThat(registry.get("kafka.backpressure.listener.queue.wait")
                                .functionTimer()
                                .count())
                        .isEqualTo(100);
                assertThat(registry.find("kafka.backpressure.listener.partition.lag")
                                .gauges())
                        .hasSize(2);
            });
            assertThat(registry.getMeters())
                    .filteredOn(meter -> meter.getId().getName().startsWith("kafka.backpressure."))
                    .allSatisfy(meter -> meter.measure()
                            .forEach(measurement ->
                                    assertThat(measurement.getValue()).isNotNaN()));

            var container = context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("metered");
            container.stop();
            assertThat(listenerMeters(registry)).isEmpty();
            container.start();
            assertThat(registry.get("kafka.backpressure.listener.limit").gauge().value())
                    .isEqualTo(1000);
            assertThat(registry.get("kafka.backpressure.listener.records")
                            .tag("outcome", "handled")
                            .functionCounter()
                            .count())
                    .isEqualTo(100);
        }
        assertThat(listenerMeters(registry)).isEmpty();
    }

    @Test
    void twoContextsWithOneRegistryLeaveNoneWithoutMeters() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry() {
            @Override
            public void close() {} // as both have it, neither may close it
        };
        ConfigurableApplicationContext first = start(registry, "kafka.backpressure.listener.max-in-flight=100");
        try (ConfigurableApplicationContext second = start(registry, "kafka.backpressure.listener.max-in-flight=200")) {
            first.close();
            assertThat(registry.get("kafka.backpressure.listener.limit").gauge().value())
                    .isEqualTo(200);
        }
        assertThat(listenerMeters(registry)).isEmpty();
    }

    @Test
    void containersThatAreMadeAndStoppedLeaveNoMetersBehind() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (ConfigurableApplicationContext context = start(registry)) {
            Set<String> before = meters(registry);
            BackpressuredKafkaListenerContainerFactory<?, ?> factory =
                    context.getBean(BackpressuredKafkaListenerContainerFactory.class);
            for (int i = 0; i < 3; i++) {
                BackpressuredMessageListenerContainer<?, ?> container =
                        (BackpressuredMessageListenerContainer<?, ?>) factory.createContainer("metered");
                container.setBeanName("dynamic-" + i);
                container.getContainerProperties().setGroupId("dynamic");
                container.getContainerProperties().setMessageListener((MessageListener<Object, Object>) record -> {});
                container.start();
                assertThat(meters(registry)).hasSizeGreaterThan(before.size());
                container.stop();
            }
            assertThat(meters(registry)).isEqualTo(before);
        }
    }

    @Test
    void histogramsAreThereOnlyIfTheyAreAskedFor() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (ConfigurableApplicationContext context = start(registry, "kafka.backpressure.metrics.histograms=true")) {
            context.getBean(BackpressuredKafkaTemplate.class).send("metered", "value");
            await().until(() -> registry.scrape().contains("kafka_backpressure_listener_handling_seconds_bucket"));
        }
    }

    /** The names in Prometheus of all meters that a started application has. */
    private Set<String> prometheusNames() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try (ConfigurableApplicationContext context = start(
                registry,
                "kafka.backpressure.metrics.partitions=true",
                "kafka.backpressure.listener.max-age=1h")) { // so that something may be dropped
            context.getBean(BackpressuredKafkaTemplate.class).send("metered", "value");
            await().until(() -> registry.scrape().contains("kafka_backpressure_listener_partition_lag"));
            Set<String> names = new TreeSet<>();
            Matcher lines = Pattern.compile("(?m)^(kafka_backpressure_\\w+)").matcher(registry.scrape());
            while (lines.find()) {
                names.add(lines.group(1));
            }
            return names;
        }
    }

    private static Set<String> namesIn(String file) throws IOException {
        Set<String> names = new TreeSet<>();
        Matcher found = Pattern.compile("kafka_backpressure_\\w+").matcher(Files.readString(DOCS.resolve(file)));
        while (found.find()) {
            names.add(found.group());
        }
        return names;
    }

    @Test
    void theDashboardAndTheRulesUseMetersThatThereAre() throws IOException {
        Set<String> names = prometheusNames();
        assertThat(namesIn("prometheus-rules.yml")).isNotEmpty().isSubsetOf(names);
        assertThat(namesIn("grafana-dashboard.json")).isNotEmpty().isSubsetOf(names);
        List<String> expressions =
                JsonPath.read(Files.readString(DOCS.resolve("grafana-dashboard.json")), "$..targets[*].expr");
        assertThat(expressions).isNotEmpty().allMatch(expression -> expression.contains("kafka_backpressure_"));
    }

    @Test
    void theTableOfMetersNamesThemAll() throws IOException {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        String document = Files.readString(DOCS.resolve("meters.md"));
        try (ConfigurableApplicationContext context = start(registry)) {
            assertThat(registry.getMeters().stream()
                            .map(meter -> meter.getId().getName())
                            .filter(name -> name.startsWith("kafka.backpressure."))
                            .map(name -> name.replaceFirst("kafka.backpressure.(listener|producer).", "")))
                    .isNotEmpty()
                    .allSatisfy(name -> assertThat(document).contains("`" + name + "`"));
        }
    }

    @Test
    void theAlertRulesDoWhatTheirTestsSay() throws Exception {
        Process promtool;
        try {
            promtool = new ProcessBuilder("promtool", "test", "rules", "prometheus-rules-test.yml")
                    .directory(DOCS.toFile())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            Assumptions.abort(
                    "promtool is not installed (Debian's package prometheus has it): the alert rules are not run");
            return;
        }
        String output = new String(promtool.getInputStream().readAllBytes());
        assertThat(promtool.waitFor()).as(output).isZero();
    }

    @Configuration(proxyBeanMethods = false)
    static class App {

        @Bean
        Metered metered() {
            return new Metered();
        }
    }

    static class Metered {

        @BackpressuredListener(id = "metered", topics = "metered", concurrency = "1")
        void handle(String value) {}
    }
}
