package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureProducerAutoConfiguration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.EventListener;

/** An application that sends, and remembers its reports. */
@Configuration(proxyBeanMethods = false)
@ImportAutoConfiguration({KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
class ProducerApp {

    final List<ProducerFlushReport> flushes = new CopyOnWriteArrayList<>();

    @EventListener
    void on(ProducerFlushReport report) {
        flushes.add(report);
    }

    /** @param properties of the producer, unless they begin with {@code spring.} */
    static ConfigurableApplicationContext start(String servers, List<Class<?>> more, String... properties) {
        List<String> arguments = new ArrayList<>();
        arguments.add("--spring.kafka.bootstrap-servers=" + servers);
        for (String property : properties) {
            arguments.add("--" + (property.startsWith("spring.") ? "" : "kafka.backpressure.producer.") + property);
        }
        List<Class<?>> sources = new ArrayList<>(more);
        sources.add(ProducerApp.class);
        return new SpringApplicationBuilder(sources.toArray(Class<?>[]::new))
                .web(WebApplicationType.NONE)
                .registerShutdownHook(false)
                .run(arguments.toArray(String[]::new));
    }

    @SuppressWarnings("unchecked")
    static BackpressuredKafkaTemplate<Object, Object> template(ConfigurableApplicationContext context) {
        return context.getBean(BackpressuredKafkaTemplate.class);
    }
}
