package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.actuate.BackpressureEndpoint;
import io.github.kafkabackpressure.actuate.DashboardEndpoint;
import io.github.kafkabackpressure.actuate.DashboardRuntimeHints;
import java.util.Objects;
import org.apache.commons.logging.LogFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ImportRuntimeHints;
import org.springframework.core.io.ResourceLoader;
import org.springframework.core.log.LogAccessor;

/** The live page, where it is wanted and Boot's actuator is there. */
@AutoConfiguration(after = KafkaBackpressureActuatorAutoConfiguration.class)
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@ConditionalOnWebApplication
@ConditionalOnBooleanProperty("kafka.backpressure.dashboard.enabled")
@EnableConfigurationProperties(KafkaBackpressureDashboardProperties.class)
@ImportRuntimeHints(DashboardRuntimeHints.class)
public class KafkaBackpressureDashboardAutoConfiguration {

    private static final LogAccessor LOG =
            new LogAccessor(LogFactory.getLog(KafkaBackpressureDashboardAutoConfiguration.class));

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnAvailableEndpoint(DashboardEndpoint.class)
    DashboardEndpoint kafkaBackpressureDashboardEndpoint(ResourceLoader loader) {
        ClassLoader classLoader =
                Objects.requireNonNullElse(loader.getClassLoader(), DashboardEndpoint.class.getClassLoader());
        if (!DashboardEndpoint.hasPlotsLibrary(classLoader)) {
            throw new InvalidBackpressurePropertyException(
                    "kafka.backpressure.dashboard.enabled",
                    true,
                    "false, unless " + DashboardEndpoint.PLOTS_LIBRARY
                            + ", which draws the page's plots, is on the class" + " path");
        }
        return new DashboardEndpoint(classLoader);
    }

    /** Says what is missing where the page is wanted and cannot be seen. */
    @Bean
    SmartInitializingSingleton kafkaBackpressureDashboardExposure(
            ObjectProvider<DashboardEndpoint> page, ObjectProvider<BackpressureEndpoint> endpoint) {
        return () -> {
            if (page.getIfAvailable() == null || endpoint.getIfAvailable() == null) {
                LOG.warn("kafka.backpressure.dashboard.enabled is true, but the live page cannot be seen: add"
                        + " kafkabackpressure and kafkabackpressuredashboard to"
                        + " management.endpoints.web.exposure.include.");
            }
        };
    }
}
