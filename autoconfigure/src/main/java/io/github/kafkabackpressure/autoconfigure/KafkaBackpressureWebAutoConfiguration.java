package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.autoconfigure.KafkaBackpressureWebProperties.Rule;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.web.ListenerPressure;
import io.github.kafkabackpressure.web.Pressure;
import io.github.kafkabackpressure.web.PressureFilter;
import io.github.kafkabackpressure.web.PressureRule;
import io.github.kafkabackpressure.web.PressureRules;
import io.github.kafkabackpressure.web.PressureWebFilter;
import io.github.kafkabackpressure.web.ProducerPressure;
import io.github.kafkabackpressure.web.RefusalAdvice;
import jakarta.servlet.Filter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ApplicationListener;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.server.WebFilter;
import org.springframework.web.util.pattern.PathPatternParser;

/** Back-pressure towards web clients, in web applications. */
@AutoConfiguration(
        after = {KafkaBackpressureListenerAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class})
@ConditionalOnClass({KafkaTemplate.class, RestControllerAdvice.class})
@ConditionalOnWebApplication
@EnableConfigurationProperties(KafkaBackpressureWebProperties.class)
public class KafkaBackpressureWebAutoConfiguration {

    @Bean
    PressureRules kafkaBackpressurePressureRules(
            KafkaBackpressureWebProperties properties,
            ListenerContainers listeners,
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> templates) {
        List<PressureRule> rules = new ArrayList<>();
        for (int index = 0; index < properties.rules().size(); index++) {
            Rule rule = properties.rules().get(index);
            rules.add(new PressureRule(
                    rule.paths().stream()
                            .map(PathPatternParser.defaultInstance::parse)
                            .toList(),
                    rule.methods().stream()
                            .map(method -> method.toUpperCase(Locale.ROOT))
                            .collect(Collectors.toSet()),
                    rule.exemptHeader(),
                    rule.exemptPriority(),
                    pressure(rule, "kafka.backpressure.web.rules[" + index + "].", listeners, templates)));
        }
        return new PressureRules(rules, properties.retryAfter());
    }

    private static Pressure pressure(
            Rule rule,
            String prefix,
            ListenerContainers listeners,
            ObjectProvider<BackpressuredKafkaTemplate<?, ?>> templates) {
        if (rule.listener() != null) {
            return new ListenerPressure(listeners, rule.listener(), rule.threshold());
        }
        List<BackpressuredKafkaTemplate<?, ?>> all = templates.stream().toList();
        List<BackpressuredKafkaTemplate<?, ?>> named = all.stream()
                .filter(template -> rule.producer() == null || template.name().equals(rule.producer()))
                .toList();
        if (named.size() != 1) {
            throw new InvalidBackpressurePropertyException(
                    prefix + "producer",
                    rule.producer() == null ? "nothing" : rule.producer(),
                    "the name of a buffered template, of which there are "
                            + all.stream().map(BackpressuredKafkaTemplate::name).toList());
        }
        return new ProducerPressure(named.get(0));
    }

    /** Refuses rules for listeners that there are not, once all listeners are known. */
    @Bean
    ApplicationListener<ContextRefreshedEvent> kafkaBackpressureWebListenerCheck(
            KafkaBackpressureWebProperties properties, ListenerContainers listeners) {
        return event -> {
            for (int index = 0; index < properties.rules().size(); index++) {
                String id = properties.rules().get(index).listener();
                if (id != null && listeners.find(id).isEmpty()) {
                    throw new InvalidBackpressurePropertyException(
                            "kafka.backpressure.web.rules[" + index + "].listener",
                            id,
                            "the id of a back-pressured listener, of which there are "
                                    + listeners.all().stream()
                                            .map(container -> String.valueOf(container.getListenerId()))
                                            .toList());
                }
            }
        };
    }

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnProperty(name = "kafka.backpressure.web.translate-refusals", matchIfMissing = true)
    RefusalAdvice kafkaBackpressureRefusalAdvice(
            KafkaBackpressureWebProperties properties, ObjectProvider<BackpressuredKafkaTemplate<?, ?>> templates) {
        List<ProducerPressure> pressures =
                templates.stream().map(ProducerPressure::new).toList();
        return new RefusalAdvice(
                properties.retryAfter(),
                () -> pressures.stream()
                        .map(ProducerPressure::timeToDrain)
                        .max(Duration::compareTo)
                        .orElse(Duration.ZERO));
    }

    /** For applications on servlets. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
    @ConditionalOnClass({Filter.class, OncePerRequestFilter.class})
    static class ServletConfiguration {

        @Bean
        PressureFilter kafkaBackpressurePressureFilter(PressureRules rules) {
            return new PressureFilter(rules);
        }
    }

    /** For reactive applications. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.REACTIVE)
    @ConditionalOnClass(WebFilter.class)
    static class ReactiveConfiguration {

        @Bean
        PressureWebFilter kafkaBackpressurePressureWebFilter(PressureRules rules) {
            return new PressureWebFilter(rules);
        }
    }
}
