package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.BackpressuredListener;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.testcontainers.service.connection.ServiceConnection;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.test.annotation.DirtiesContext;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import org.testcontainers.kafka.KafkaContainer;

/** The main job against a broker in a container, found through Boot's service connection. */
@Testcontainers(disabledWithoutDocker = true)
@SpringBootTest(
        properties = {
            "spring.kafka.consumer.auto-offset-reset=earliest",
            "kafka.backpressure.listeners.contained.max-in-flight=32"
        })
@DirtiesContext
class ContainerBrokerIT {

    @Container
    @ServiceConnection
    static final KafkaContainer KAFKA = new KafkaContainer("apache/kafka:4.2.1");

    private final Contained listener;

    private final KafkaTemplate<Object, Object> template;

    private final KafkaListenerEndpointRegistry registry;

    @Autowired
    ContainerBrokerIT(
            Contained listener, KafkaTemplate<Object, Object> template, KafkaListenerEndpointRegistry registry) {
        this.listener = listener;
        this.template = template;
        this.registry = registry;
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @Import(Contained.class)
    static class Application {

        @Bean
        NewTopic topic() {
            return new NewTopic("contained", 3, (short) 1);
        }
    }

    static class Contained {

        final Set<String> seen = ConcurrentHashMap.newKeySet();

        @BackpressuredListener(id = "contained", topics = "contained")
        void on(String value) throws InterruptedException {
            Thread.sleep(1);
            seen.add(value);
        }
    }

    @Test
    void handlesAndCommitsEveryRecord() {
        for (int i = 0; i < 1000; i++) {
            template.send("contained", "k" + i % 10, "v" + i);
        }
        template.flush();
        await().atMost(Duration.ofSeconds(30)).until(() -> listener.seen.size() == 1000);
        var container = (BackpressuredMessageListenerContainer<?, ?>) registry.getListenerContainer("contained");
        assertThat(container.getOptions().maxInFlight()).isEqualTo(32);
        await().untilAsserted(() -> assertThat(container.snapshot().partitions())
                .hasSize(3)
                .allSatisfy(p -> assertThat(p.committed()).isEqualTo(p.lastPolled() + 1)));
    }
}
