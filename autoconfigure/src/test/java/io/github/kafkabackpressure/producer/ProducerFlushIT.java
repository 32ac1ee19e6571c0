package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/**
 * What a plain {@code KafkaTemplate} gets from the starter: nothing that it was handed is lost when the context ends.
 */
@EmbeddedKafka(partitions = 1)
class ProducerFlushIT {

    private final EmbeddedKafkaBroker broker;
    private String topic = "";

    ProducerFlushIT(EmbeddedKafkaBroker broker) {
        this.broker = broker;
    }

    @BeforeEach
    void nameTheTopic(TestInfo test) {
        topic = test.getTestMethod().orElseThrow().getName();
    }

    @Test
    void whatAPlainTemplateHoldsIsOnTheTopicInOrderBeforeCloseReturns() {
        List<CompletableFuture<?>> futures = new ArrayList<>();
        ConfigurableApplicationContext context = start();
        KafkaTemplate<Object, Object> template = template(context);
        IntStream.range(0, 25).forEach(i -> futures.add(template.send(topic, "value-" + i)));
        Reports reports = context.getBean(Reports.class);
        assertThat(futures).noneMatch(CompletableFuture::isDone);

        context.close();

        assertThat(futures).allMatch(future -> future.isDone() && !future.isCompletedExceptionally());
        assertThat(TopicReader.values(broker.getBrokersAsString(), topic))
                .isEqualTo(IntStream.range(0, 25).mapToObj(i -> "value-" + i).toList());
        assertThat(reports.all).singleElement().satisfies(report -> {
            assertThat(report.producers()).isEqualTo(1);
            assertThat(report.complete()).isTrue();
        });
    }

    @Test
    void aContextThatIsStoppedAndStartedAgainFlushesEachTime() {
        try (ConfigurableApplicationContext context = start()) {
            template(context).send(topic, "before");
            context.stop();
            assertThat(TopicReader.values(broker.getBrokersAsString(), topic)).containsExactly("before");
            context.start();
            template(context).send(topic, "after");
        }
        assertThat(TopicReader.values(broker.getBrokersAsString(), topic)).containsExactly("before", "after");
    }

    @Test
    void whatWasSentBeforeTheStartFailedIsFlushed() {
        assertThatThrownBy(() -> application(SendsThenFails.class).run(arguments("--topic=" + topic)))
                .isInstanceOf(BeanCreationException.class);

        assertThat(TopicReader.values(broker.getBrokersAsString(), topic)).containsExactly("sent while starting");
    }

    /** A thread that is interrupted before it calls {@code close()} does not get past Spring's own lock. */
    @Test
    void aThreadThatIsInterruptedWhileItClosesFlushesAllTheSame() {
        ConfigurableApplicationContext context = start();
        context.addApplicationListener((ApplicationListener<ContextClosedEvent>)
                event -> Thread.currentThread().interrupt());
        template(context).send(topic, "value");

        context.close();
        Thread.interrupted();

        assertThat(TopicReader.values(broker.getBrokersAsString(), topic)).containsExactly("value");
    }

    @SuppressWarnings("unchecked")
    private static KafkaTemplate<Object, Object> template(ConfigurableApplicationContext context) {
        return context.getBean("kafkaTemplate", KafkaTemplate.class);
    }

    private ConfigurableApplicationContext start() {
        return application(Reports.class).run(arguments());
    }

    private static SpringApplicationBuilder application(Class<?> configuration) {
        return new SpringApplicationBuilder(App.class, configuration)
                .web(WebApplicationType.NONE)
                .registerShutdownHook(false);
    }

    private String[] arguments(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--spring.kafka.bootstrap-servers=" + broker.getBrokersAsString(),
                "--spring.kafka.producer.properties.linger.ms=3600000",
                "--spring.kafka.producer.properties.delivery.timeout.ms=7200000"));
        arguments.addAll(List.of(more));
        return arguments.toArray(String[]::new);
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
    static class App {}

    @Configuration(proxyBeanMethods = false)
    static class Reports {

        final List<ProducerFlushReport> all = new ArrayList<>();

        @EventListener
        void on(ProducerFlushReport report) {
            all.add(report);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class SendsThenFails {

        @Bean
        Object failing(KafkaTemplate<Object, Object> template, @Value("${topic}") String topic) {
            template.send(topic, "sent while starting");
            throw new IllegalStateException("this start fails");
        }
    }
}
