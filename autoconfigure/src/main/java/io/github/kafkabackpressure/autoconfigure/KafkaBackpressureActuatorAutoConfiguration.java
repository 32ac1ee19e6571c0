package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.actuate.BackpressureEndpoint;
import io.github.kafkabackpressure.actuate.BackpressureHealthIndicator;
import io.github.kafkabackpressure.actuate.ProducerTimeline;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.ProducerOptions;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.EndpointAccessResolver;
import org.springframework.boot.actuate.endpoint.EndpointId;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.core.KafkaTemplate;

/** The actuator endpoint, where Boot's actuator is there and the endpoint is exposed. */
@AutoConfiguration(
        after = {KafkaBackpressureListenerAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
@ConditionalOnClass({ConditionalOnAvailableEndpoint.class, KafkaTemplate.class})
@EnableConfigurationProperties(KafkaBackpressureEndpointProperties.class)
public class KafkaBackpressureActuatorAutoConfiguration {

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint(BackpressureEndpoint.class)
    ProducerTimeline kafkaBackpressureProducerTimeline() {
        return new ProducerTimeline();
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint(BackpressureEndpoint.class)
    BackpressureEndpoint kafkaBackpressureEndpoint(
            ListenerContainers listeners,
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> producers,
            ObjectProvider<EndpointAccessResolver> access,
            ProducerTimeline timeline,
            ApplicationEventPublisher events,
            ObjectProvider<KafkaBackpressureProducerProperties> producerProperties,
            KafkaBackpressureEndpointProperties properties) {
        EndpointAccessResolver resolver = access.getIfAvailable();
        return new BackpressureEndpoint(
                listeners,
                () -> inOrder(producers),
                timeline,
                events,
                flushTimeout(producerProperties.getIfAvailable()),
                properties.showKeys(),
                resolver == null
                        || resolver.accessFor(EndpointId.of("kafkabackpressure"), Access.UNRESTRICTED)
                                == Access.UNRESTRICTED);
    }

    private static Duration flushTimeout(@Nullable KafkaBackpressureProducerProperties properties) {
        return properties == null
                ? ProducerOptions.defaults().flushTimeout()
                : properties.options().flushTimeout();
    }

    /** The health contributor, where Boot's health is there. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ConditionalOnEnabledHealthIndicator.class)
    @ConditionalOnEnabledHealthIndicator("kafkaBackpressure")
    @EnableConfigurationProperties(KafkaBackpressureHealthProperties.class)
    static class HealthConfiguration {

        @Bean
        @ConditionalOnMissingBean(name = {"kafkaBackpressureHealthIndicator", "kafkaBackpressureHealthContributor"})
        BackpressureHealthIndicator kafkaBackpressureHealthIndicator(
                ListenerContainers listeners,
                ObjectProvider<BackpressuredKafkaTemplate<?, ?>> producers,
                KafkaBackpressureHealthProperties properties) {
            return new BackpressureHealthIndicator(listeners, () -> inOrder(producers), properties.thresholds());
        }
    }

    private static List<BackpressuredKafkaTemplate<?, ?>> inOrder(
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> producers) {
        return producers.stream()
                .sorted(Comparator.comparing(BackpressuredKafkaTemplate::name))
                .toList();
    }
}
