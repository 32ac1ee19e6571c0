package io.github.kafkabackpressure.autoconfigure;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What the actuator endpoint tells.
 *
 * @param showKeys Whether it shows the keys of records that are being handled.
 */
@ConfigurationProperties("kafka.backpressure.endpoint")
record KafkaBackpressureEndpointProperties(
        @DefaultValue("false") boolean showKeys) {}
