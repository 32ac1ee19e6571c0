package io.github.kafkabackpressure.documents;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.test.EmbeddedKafkaBroker;
import org.springframework.kafka.test.context.EmbeddedKafka;

/** What the README shows runs as it is shown. */
@EmbeddedKafka(topics = "orders")
class FirstListenerIT {

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @Import(FirstListener.Payments.class)
    static class App {}

    @Test
    void theFirstListenerHandlesOrdersWithinItsLimits(EmbeddedKafkaBroker broker) {
        try (var context = new SpringApplicationBuilder(App.class)
                .web(WebApplicationType.NONE)
                .properties("spring.config.location=classpath:documents/first-listener.yml")
                .run("--spring.kafka.bootstrap-servers=" + broker.getBrokersAsString())) {
            @SuppressWarnings("unchecked")
            KafkaTemplate<String, String> template = context.getBean("kafkaTemplate", KafkaTemplate.class);
            // tag::send[]
            template.send("orders", "customer-1", "a cup").join();
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertThat(FirstListener.PAID).contains("a cup"));
            // end::send[]

            var container = (BackpressuredMessageListenerContainer<?, ?>)
                    context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("payments");
            assertThat(container.getOptions().ordering()).isEqualTo(Ordering.KEY);
            assertThat(container.getOptions().maxInFlight()).isEqualTo(200);
            // tag::idle[]
            await().atMost(Duration.ofSeconds(30)).until(() -> {
                ListenerSnapshot payments = container.snapshot();
                return payments.inFlight() == 0
                        && payments.partitions().stream()
                                .allMatch(partition -> partition.committed() == partition.frontier());
            });
            // end::idle[]
        }
    }
}
