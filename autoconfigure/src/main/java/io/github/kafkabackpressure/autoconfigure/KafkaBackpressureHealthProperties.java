package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.actuate.BackpressureHealthIndicator.Thresholds;
import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * When the health contributor is not up.
 *
 * @param grace How long an alarm, or a level above its threshold, may last before it counts.
 * @param listenerThreshold The share of max-in-flight from which on a listener is out of service; 0, the default, is never, as
 *     a listener that is full is what back-pressure is for.
 * @param producerThreshold The share of max-buffered, or of max-buffered-bytes, from which on a buffered template is out of
 *     service; 0 is never.
 */
@ConfigurationProperties("kafka.backpressure.health")
record KafkaBackpressureHealthProperties(
        @DefaultValue("30s") Duration grace,
        @DefaultValue("0") double listenerThreshold,
        @DefaultValue("0.8") double producerThreshold) {

    KafkaBackpressureHealthProperties {
        if (grace.isNegative() || grace.compareTo(Duration.ofDays(365)) > 0) {
            throw new InvalidBackpressurePropertyException(
                    "kafka.backpressure.health.grace", grace, "a duration from 0s to 365d");
        }
        check("listener-threshold", listenerThreshold);
        check("producer-threshold", producerThreshold);
    }

    private static void check(String key, double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new InvalidBackpressurePropertyException(
                    "kafka.backpressure.health." + key, share, "a number from 0, which is never, to 1");
        }
    }

    Thresholds thresholds() {
        return new Thresholds(grace, listenerThreshold, producerThreshold);
    }
}
