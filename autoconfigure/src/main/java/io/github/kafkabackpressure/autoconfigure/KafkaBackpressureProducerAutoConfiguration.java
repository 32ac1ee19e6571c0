package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.metrics.MicrometerProducerMetrics;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.LiveProducers;
import io.github.kafkabackpressure.producer.ProducerFlushLifecycle;
import io.github.kafkabackpressure.producer.ProducerMetrics;
import io.github.kafkabackpressure.producer.ProducerOptions;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.PropertyMapper;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.kafka.autoconfigure.KafkaProperties;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Fallback;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.support.ProducerListener;
import org.springframework.kafka.support.converter.RecordMessageConverter;
import org.springframework.kafka.support.micrometer.KafkaTemplateObservationConvention;

/**
 * The sending half: a buffered template beside Boot's own, and the flush of all producers when the context stops.
 */
@AutoConfiguration(
        after = KafkaAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.micrometer.metrics.autoconfigure.MetricsAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass(KafkaTemplate.class)
@ConditionalOnBooleanProperty(name = "kafka.backpressure.producer.enabled", matchIfMissing = true)
@EnableConfigurationProperties(KafkaBackpressureProducerProperties.class)
@Import(PropertyChecks.class)
public final class KafkaBackpressureProducerAutoConfiguration {

    private static final String FLUSH_ENABLED = "kafka.backpressure.producer.flush-enabled";

    /** Knows which producers are open; with the switch off, those of buffered templates only. */
    @Bean
    static LiveProducers kafkaBackpressureLiveProducers(Environment environment) {
        return new LiveProducers(environment.getProperty(FLUSH_ENABLED, Boolean.class, true));
    }

    /**
     * @param factories not used, but depended on: when a start fails, this bean is destroyed before they are
     */
    @Bean
    ProducerFlushLifecycle kafkaBackpressureProducerFlushLifecycle(
            LiveProducers live,
            KafkaBackpressureProducerProperties properties,
            ObjectProvider<ProducerMetrics> metrics,
            ApplicationContext context,
            @Nullable List<DefaultKafkaProducerFactory<?, ?>> factories) {
        return new ProducerFlushLifecycle(
                live, properties.options().flushTimeout(), metrics.getIfUnique(() -> ProducerMetrics.NOOP), context);
    }

    /**
     * Made from Boot's own settings. A fallback: who asks for a {@code KafkaTemplate} gets the plain one.
     *
     * @param factory of whatever types: records of other types than its serializers take are refused as by Kafka
     */
    @Bean
    @Fallback
    @ConditionalOnMissingBean
    @ConditionalOnSingleCandidate(ProducerFactory.class)
    @SuppressWarnings("unchecked")
    BackpressuredKafkaTemplate<?, ?> backpressuredKafkaTemplate(
            ProducerFactory<?, ?> factory,
            KafkaBackpressureProducerProperties properties,
            ObjectProvider<KafkaProperties> kafka,
            ObjectProvider<ProducerMetrics> metrics,
            ObjectProvider<ProducerListener<Object, Object>> listener,
            ObjectProvider<RecordMessageConverter> messageConverter,
            ObjectProvider<KafkaTemplateObservationConvention> observationConvention,
            ObjectProvider<ProducerOptionsCustomizer> optionsCustomizers,
            ObjectProvider<BackpressuredKafkaTemplateCustomizer> customizers) {
        ProducerOptions options = properties.options();
        for (ProducerOptionsCustomizer customizer :
                optionsCustomizers.orderedStream().toList()) {
            options = customizer.customize(options);
        }
        BackpressuredKafkaTemplate<Object, Object> template = new BackpressuredKafkaTemplate<>(
                "backpressuredKafkaTemplate",
                (ProducerFactory<Object, Object>) factory,
                options,
                metrics.getIfUnique(() -> ProducerMetrics.NOOP));
        PropertyMapper map = PropertyMapper.get();
        messageConverter.ifUnique(template::setMessageConverter);
        observationConvention.ifUnique(template::setObservationConvention);
        listener.ifUnique(template::setProducerListener);
        KafkaProperties.Template boot =
                kafka.getIfAvailable(KafkaProperties::new).getTemplate();
        map.from(boot.getDefaultTopic()).to(template::setDefaultTopic);
        map.from(boot.getTransactionIdPrefix()).to(template::setTransactionIdPrefix);
        map.from(boot.getCloseTimeout()).to(template::setCloseTimeout);
        map.from(boot.isAllowNonTransactional()).to(template::setAllowNonTransactional);
        map.from(boot.isObservationEnabled()).to(template::setObservationEnabled);
        customizers.orderedStream().forEach(customizer -> customizer.customize(template));
        return template;
    }

    /** In a class of its own, so that Micrometer may be missing. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterRegistry.class)
    @ConditionalOnBean(MeterRegistry.class)
    static class Metrics {

        @Bean
        @ConditionalOnMissingBean(ProducerMetrics.class)
        MicrometerProducerMetrics kafkaBackpressureProducerMetrics(MeterRegistry registry) {
            return new MicrometerProducerMetrics(registry);
        }
    }
}
