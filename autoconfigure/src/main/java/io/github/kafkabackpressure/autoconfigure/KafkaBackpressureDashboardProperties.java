package io.github.kafkabackpressure.autoconfigure;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The live page.
 *
 * @param enabled whether the live page is served below the actuator's path, as the endpoint
 *     {@code kafkabackpressuredashboard}; it needs that endpoint and {@code kafkabackpressure} to be exposed
 */
@ConfigurationProperties("kafka.backpressure.dashboard")
record KafkaBackpressureDashboardProperties(
        @DefaultValue("false") boolean enabled) {}
