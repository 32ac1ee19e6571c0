package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerRuntimeHints;
import io.github.kafkabackpressure.listener.RepeatedListenersPostProcessor;
import io.github.kafkabackpressure.metrics.MicrometerListenerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.Function;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.kafka.autoconfigure.ConcurrentKafkaListenerContainerFactoryConfigurer;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.kafka.autoconfigure.KafkaProperties;
import org.springframework.boot.thread.Threading;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.ImportRuntimeHints;
import org.springframework.core.env.Environment;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.config.KafkaListenerConfigUtils;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;

/**
 * Auto-configuration of the listener side: the container factory that {@link BackpressuredListener} names. It is set up
 * like Boot's own, by Boot's own configurer, and stands beside it.
 */
@AutoConfiguration(
        after = KafkaAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass(EnableKafka.class)
@EnableConfigurationProperties(KafkaBackpressureListenerProperties.class)
@ImportRuntimeHints(ListenerRuntimeHints.class)
public class KafkaBackpressureListenerAutoConfiguration {

    // Not a default candidate: Boot's factory, and whoever injects one by type, must not meet a second one.
    @Bean(name = BackpressuredListener.CONTAINER_FACTORY, defaultCandidate = false)
    @ConditionalOnMissingBean(name = BackpressuredListener.CONTAINER_FACTORY)
    BackpressuredKafkaListenerContainerFactory<Object, Object> backpressuredKafkaListenerContainerFactory(
            ConcurrentKafkaListenerContainerFactoryConfigurer configurer,
            ObjectProvider<ConsumerFactory<Object, Object>> consumerFactory,
            ObjectProvider<ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>>>
                    customizer,
            KafkaProperties kafkaProperties,
            KafkaBackpressureListenerProperties properties,
            ObjectProvider<MetricsFactory> metrics,
            Environment environment) {
        BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                new BackpressuredKafkaListenerContainerFactory<>();
        configurer.configure(
                factory,
                consumerFactory.getIfAvailable(
                        () -> new DefaultKafkaConsumerFactory<>(kafkaProperties.buildConsumerProperties())));
        customizer.ifAvailable(factory::setContainerCustomizer);
        factory.setDefaults(properties.listener());
        factory.setListeners(properties.listeners());
        factory.setVirtualThreads(Threading.VIRTUAL.isActive(environment));
        metrics.ifAvailable(factory::setMetrics);
        return factory;
    }

    /** Finds repeated annotations too, which spring-kafka's own finder of listeners knows nothing of. */
    @Bean
    static BeanDefinitionRegistryPostProcessor backpressuredRepeatedListenersRegistrar() {
        return registry -> {
            String name = KafkaListenerConfigUtils.KAFKA_LISTENER_ANNOTATION_PROCESSOR_BEAN_NAME;
            if (registry.containsBeanDefinition(name)) {
                BeanDefinition definition = registry.getBeanDefinition(name);
                if (KafkaListenerAnnotationBeanPostProcessor.class.getName().equals(definition.getBeanClassName())
                        && definition instanceof AbstractBeanDefinition own) {
                    own.setBeanClass(RepeatedListenersPostProcessor.class);
                }
            }
        };
    }

    /** Makes what measures a container. */
    interface MetricsFactory extends Function<BackpressuredMessageListenerContainer<?, ?>, ListenerMetrics> {}

    /** Meters, where there is a registry of them. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    static class MetricsConfiguration {

        @Bean
        @ConditionalOnMissingBean
        MetricsFactory backpressuredListenerMetricsFactory(ObjectProvider<MeterRegistry> registry) {
            return container -> {
                MeterRegistry unique = registry.getIfUnique();
                return unique == null ? ListenerMetrics.NOOP : new MicrometerListenerMetrics(unique, container);
            };
        }
    }
}
