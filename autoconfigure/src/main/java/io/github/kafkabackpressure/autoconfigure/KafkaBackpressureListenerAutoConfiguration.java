package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.listener.ListenerIds;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerOptionsCustomizer;
import io.github.kafkabackpressure.listener.ListenerRuntimeHints;
import io.github.kafkabackpressure.listener.RepeatedListenersPostProcessor;
import io.github.kafkabackpressure.listener.Watchdog;
import io.github.kafkabackpressure.metrics.MicrometerListenerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.kafka.autoconfigure.ConcurrentKafkaListenerContainerFactoryConfigurer;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.thread.Threading;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportRuntimeHints;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.core.env.Environment;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor.AnnotationEnhancer;
import org.springframework.kafka.config.KafkaListenerConfigUtils;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;

/**
 * Auto-configuration of the listener side: the container factory that {@link BackpressuredListener} names. It stands
 * beside the one of {@code @KafkaListener}, and what that one is set to holds for it too.
 */
@AutoConfiguration(
        after = KafkaAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass(EnableKafka.class)
@ImportRuntimeHints(ListenerRuntimeHints.class)
@Import(PropertyChecks.class)
public class KafkaBackpressureListenerAutoConfiguration {

    @Bean
    ListenerContainers backpressuredListenerContainers(ObjectProvider<KafkaListenerEndpointRegistry> registry) {
        return new ListenerContainers(registry::getIfAvailable);
    }

    @Bean
    Watchdog backpressuredListenerWatchdog(ListenerContainers containers, ApplicationEventPublisher events) {
        return new Watchdog(containers, events);
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

    /** Makes what measures a container; a bean of this type takes the place of the auto-configured one. */
    public interface MetricsFactory extends Function<BackpressuredMessageListenerContainer<?, ?>, ListenerMetrics> {}

    /** What {@code kafka.backpressure.listener.enabled=false} switches off; the annotation is a plain one then. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnBooleanProperty(name = "kafka.backpressure.listener.enabled", matchIfMissing = true)
    @EnableConfigurationProperties(KafkaBackpressureListenerProperties.class)
    static class ListenerConfiguration {

        // Not a default candidate: Boot's factory, and whoever injects one by type, must not meet a second one.
        @Bean(name = BackpressuredListener.CONTAINER_FACTORY, defaultCandidate = false)
        @ConditionalOnMissingBean(name = BackpressuredListener.CONTAINER_FACTORY)
        @ConditionalOnBean(ConcurrentKafkaListenerContainerFactoryConfigurer.class)
        BackpressuredKafkaListenerContainerFactory<Object, Object> backpressuredKafkaListenerContainerFactory(
                ConfigurableListableBeanFactory beans) {
            BackpressuredKafkaListenerContainerFactory<Object, Object> factory =
                    new BackpressuredKafkaListenerContainerFactory<>();
            factory.setUpLate(made -> UsualContainerFactory.takeOver(made, beans));
            return factory;
        }

        /** Gives the factory above, and those of the user's own, what properties and the rest of the application say. */
        @Bean
        static BeanPostProcessor backpressuredListenerSettings(
                ObjectProvider<KafkaBackpressureListenerProperties> properties,
                ObjectProvider<MetricsFactory> metrics,
                ObjectProvider<ListenerOptionsCustomizer> customizers,
                Environment environment) {
            return new BeanPostProcessor() {
                @Override
                public Object postProcessBeforeInitialization(Object bean, String beanName) {
                    if (bean instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
                        factory.setUpLate(made -> {
                            KafkaBackpressureListenerProperties bound = properties.getObject();
                            made.setWhereUnset(
                                    bound.listener(),
                                    bound.listeners(),
                                    Threading.VIRTUAL.isActive(environment),
                                    metrics.getIfAvailable());
                            made.setOptionsCustomizers(
                                    customizers.orderedStream().toList());
                        });
                    }
                    return bean;
                }
            };
        }

        @Bean
        UnknownListenerIds backpressuredUnknownListenerIds(
                KafkaBackpressureListenerProperties properties,
                ObjectProvider<KafkaListenerEndpointRegistry> registry) {
            return new UnknownListenerIds(properties.listeners().keySet(), registry);
        }
    }

    /** Where the listener side is switched off, the annotation names no factory, so that the usual one is taken. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnBooleanProperty(name = "kafka.backpressure.listener.enabled", havingValue = false)
    static class SwitchedOffConfiguration {

        @Bean
        static AnnotationEnhancer backpressuredListenersAsPlainOnes() {
            return (attributes, element) -> {
                if (BackpressuredListener.CONTAINER_FACTORY.equals(attributes.get("containerFactory"))) {
                    attributes.put("containerFactory", "");
                }
                return attributes;
            };
        }
    }

    /** Warns, once the application has started, of settings for listeners that there are not. */
    record UnknownListenerIds(Set<String> ids, ObjectProvider<KafkaListenerEndpointRegistry> registry)
            implements ApplicationListener<ContextRefreshedEvent> {

        private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(UnknownListenerIds.class));

        @Override
        public void onApplicationEvent(ContextRefreshedEvent event) {
            registry.ifAvailable(listeners -> {
                Set<String> existing = listeners.getListenerContainerIds();
                ids.stream()
                        .filter(id -> ListenerIds.keysOf(id, existing).isEmpty())
                        .forEach(id -> LOG.warn(() -> "kafka.backpressure.listeners" + ListenerIds.written(id)
                                + " is set, but no listener has the id '" + id + "'. There are "
                                + List.copyOf(existing)
                                + ". In an environment variable an id is written without its dashes and dots."));
            });
        }
    }

    /** Meters, where there is a registry of them. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    @EnableConfigurationProperties(KafkaBackpressureMetricsProperties.class)
    static class MetricsConfiguration {

        @Bean
        @ConditionalOnMissingBean
        MetricsFactory backpressuredListenerMetricsFactory(
                ObjectProvider<MeterRegistry> registry, KafkaBackpressureMetricsProperties properties) {
            return container -> {
                MeterRegistry unique = registry.getIfUnique();
                return unique == null
                        ? ListenerMetrics.NOOP
                        : new MicrometerListenerMetrics(
                                unique, container, properties.histograms(), properties.partitions());
            };
        }
    }
}
