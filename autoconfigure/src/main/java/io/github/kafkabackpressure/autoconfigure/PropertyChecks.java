package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.UnknownBackpressurePropertyException;
import io.github.kafkabackpressure.UnknownBackpressurePropertyException.Unknown;
import io.github.kafkabackpressure.listener.StrictBindHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindHandlerAdvisor;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.context.properties.source.UnboundElementsSourceFilter;
import org.springframework.boot.origin.Origin;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.env.PropertySource;
import org.springframework.core.log.LogAccessor;

/** What is checked of all properties under {@code kafka.backpressure}, whoever they are for. */
@Configuration(proxyBeanMethods = false)
class PropertyChecks {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(PropertyChecks.class));

    /** Refuses what cannot be read, and durations that are surely missing their unit. */
    @Bean
    static ConfigurationPropertiesBindHandlerAdvisor backpressuredStrictBinding(Environment environment) {
        return handler -> new StrictBindHandler(
                handler,
                KnownProperties.ROOT::isAncestorOf,
                ConfigurationPropertyName::toString,
                environment::resolvePlaceholders);
    }

    /**
     * Refuses properties that do not exist, in the sources that Boot looks at for that: not in environment variables and
     * system properties, whose names cannot be told from each other's.
     */
    @Bean
    static BeanFactoryPostProcessor backpressuredUnknownProperties(Environment environment) {
        return beans -> {
            if (environment instanceof ConfigurableEnvironment configurable) {
                check(configurable);
            }
        };
    }

    private static void check(ConfigurableEnvironment environment) {
        UnboundElementsSourceFilter filter = new UnboundElementsSourceFilter();
        KnownProperties known = null;
        List<Unknown> unknown = new ArrayList<>();
        for (ConfigurationPropertySource source : ConfigurationPropertySources.from(environment.getPropertySources())) {
            if (source instanceof IterableConfigurationPropertySource iterable) {
                boolean isExact = filter.apply(source);
                for (ConfigurationPropertyName name : iterable) {
                    if (KnownProperties.ROOT.isAncestorOf(name)) {
                        known = known == null ? KnownProperties.read() : known;
                        if (known == null) {
                            return;
                        }
                        if (!isExact) {
                            warnOfBrokenKey(known.brokenKey(name));
                        } else if (!known.contains(name)) {
                            unknown.add(new Unknown(name.toString(), origin(source, name), known.nearest(name)));
                        }
                    }
                }
            }
        }
        if (!unknown.isEmpty()) {
            throw new UnknownBackpressurePropertyException(unknown);
        }
    }

    private static void warnOfBrokenKey(@Nullable String key) {
        if (key != null) {
            LOG.warn(
                    () -> "An environment variable of kafka.backpressure.listeners has '" + key.toUpperCase(Locale.ROOT)
                            + "' for the id of a listener, and sets nothing: write the id without its dashes, dots and"
                            + " underscores, as " + key.replace("_", "").toUpperCase(Locale.ROOT) + ".");
        }
    }

    private static String origin(ConfigurationPropertySource source, ConfigurationPropertyName name) {
        Origin origin = Origin.from(source.getConfigurationProperty(name));
        if (origin != null) {
            return origin.toString();
        }
        Object underlying = source.getUnderlyingSource();
        return underlying instanceof PropertySource<?> named ? named.getName() : String.valueOf(underlying);
    }
}
