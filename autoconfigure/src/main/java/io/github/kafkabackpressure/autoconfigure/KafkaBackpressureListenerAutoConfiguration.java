package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerRuntimeHints;
import io.github.kafkabackpressure.listener.RepeatedListenersPostProcessor;
import io.github.kafkabackpressure.metrics.MicrometerListenerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Set;
import java.util.function.Function;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.kafka.autoconfigure.ConcurrentKafkaListenerContainerFactoryConfigurer;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.kafka.autoconfigure.KafkaProperties;
import org.springframework.boot.thread.Threading;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.ImportRuntimeHints;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.core.env.Environment;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.config.KafkaListenerConfigUtils;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
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
    @ConditionalOnBean(ConcurrentKafkaListenerContainerFactoryConfigurer.class)
    @SuppressWarnings("unchecked")
    BackpressuredKafkaListenerContainerFactory<Object, Object> backpressuredKafkaListenerContainerFactory(
            ConcurrentKafkaListenerContainerFactoryConfigurer configurer,
            ObjectProvider<ConsumerFactory<Object, Object>> consumerFactory,
            ObjectProvider<ConsumerFactory<?, ?>> typedConsumerFactory,
            ObjectProvider<ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>>>
                    customizer,
            KafkaProperties kafkaProperties) {
        BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                new BackpressuredKafkaListenerContainerFactory<>();
        configurer.configure(
                factory,
                consumerFactory.getIfAvailable(() -> (ConsumerFactory<Object, Object>) typedConsumerFactory.getIfUnique(
                        () -> new DefaultKafkaConsumerFactory<>(kafkaProperties.buildConsumerProperties()))));
        customizer.ifAvailable(factory::setContainerCustomizer);
        return factory;
    }

    /** Gives the factory above, and those of the user's own, what properties and the rest of the application say. */
    @Bean
    static BeanPostProcessor backpressuredListenerSettings(
            ObjectProvider<KafkaBackpressureListenerProperties> properties,
            ObjectProvider<MetricsFactory> metrics,
            Environment environment) {
        return new BeanPostProcessor() {
            @Override
            public Object postProcessBeforeInitialization(Object bean, String beanName) {
                if (bean instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
                    KafkaBackpressureListenerProperties bound = properties.getObject();
                    factory.setWhereUnset(
                            bound.listener(),
                            bound.listeners(),
                            Threading.VIRTUAL.isActive(environment),
                            metrics.getIfAvailable());
                }
                return bean;
            }
        };
    }

    @Bean
    ListenerContainers backpressuredListenerContainers(ObjectProvider<KafkaListenerEndpointRegistry> registry) {
        return new ListenerContainers(registry::getIfAvailable);
    }

    @Bean
    UnknownListenerIds backpressuredUnknownListenerIds(
            KafkaBackpressureListenerProperties properties, ObjectProvider<KafkaListenerEndpointRegistry> registry) {
        return new UnknownListenerIds(properties.listeners().keySet(), registry);
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

    /** Warns, once the application has started, of settings for listeners that there are not. */
    record UnknownListenerIds(Set<String> ids, ObjectProvider<KafkaListenerEndpointRegistry> registry)
            implements ApplicationListener<ContextRefreshedEvent> {

        private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(UnknownListenerIds.class));

        @Override
        public void onApplicationEvent(ContextRefreshedEvent event) {
            registry.ifAvailable(listeners -> ids.stream()
                    .filter(id -> !listeners.getListenerContainerIds().contains(id))
                    .forEach(id -> LOG.warn(() -> "kafka.backpressure.listeners." + id
                            + " is set, but no listener has the id '" + id
                            + "'. An id with dots is written in brackets: kafka.backpressure.listeners[orders.eu].*")));
        }
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
