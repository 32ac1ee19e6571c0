package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.web.PressureRules.RetryAfter;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Back-pressure towards web clients.
 *
 * @param rules Which requests are answered with 429 while something is under pressure; none by default.
 * @param minRetryAfter The shortest time that a Retry-After names.
 * @param maxRetryAfter The longest time that a Retry-After names.
 * @param translateRefusals Whether refusals of buffered templates are answered with 429 or 503.
 */
@ConfigurationProperties("kafka.backpressure.web")
record KafkaBackpressureWebProperties(
        @DefaultValue List<Rule> rules,
        @DefaultValue("1s") Duration minRetryAfter,
        @DefaultValue("60s") Duration maxRetryAfter,
        @DefaultValue("true") boolean translateRefusals) {

    private static final String PREFIX = "kafka.backpressure.web.";

    KafkaBackpressureWebProperties {
        if (minRetryAfter.toSeconds() < 1) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + "min-retry-after", minRetryAfter, "a duration of at least 1s");
        }
        if (maxRetryAfter.compareTo(minRetryAfter) < 0) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + "max-retry-after",
                    maxRetryAfter,
                    "a duration of at least min-retry-after, which is " + minRetryAfter);
        }
        for (int index = 0; index < rules.size(); index++) {
            rules.get(index).check(PREFIX + "rules[" + index + "].");
        }
    }

    RetryAfter retryAfter() {
        return new RetryAfter(minRetryAfter, maxRetryAfter);
    }

    /**
     * Which requests are turned away while what is under pressure.
     *
     * @param paths Patterns of paths within the application, such as /orders/**.
     * @param methods Of the requests; all by default.
     * @param producer Bean name of the buffered template whose buffer is looked at; the only one, unless a listener is named.
     * @param listener Id of the listener that is looked at instead.
     * @param threshold The share of the listener's max-in-flight from which on it is under pressure.
     * @param exemptHeader Requests with this header pass.
     * @param exemptPriority If it is set, they pass only if the header holds a number that is not below this.
     */
    record Rule(
            @DefaultValue List<String> paths,
            @DefaultValue Set<String> methods,
            @Nullable String producer,
            @Nullable String listener,
            @DefaultValue("0.8") double threshold,
            @Nullable String exemptHeader,
            @Nullable Integer exemptPriority) {

        void check(String prefix) {
            if (paths.isEmpty()) {
                throw new InvalidBackpressurePropertyException(
                        prefix + "paths", "nothing", "at least one pattern, such as /orders/**");
            }
            if (producer != null && listener != null) {
                throw new InvalidBackpressurePropertyException(
                        prefix + "listener", listener, "unset where producer is set, or the other way round");
            }
            if (!(threshold > 0 && threshold <= 1)) {
                throw new InvalidBackpressurePropertyException(
                        prefix + "threshold", threshold, "a number above 0, and 1 at most");
            }
            if (exemptPriority != null && exemptHeader == null) {
                throw new InvalidBackpressurePropertyException(
                        prefix + "exempt-priority", exemptPriority, "unset where exempt-header is not set");
            }
        }
    }
}
