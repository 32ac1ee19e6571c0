package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.springframework.util.unit.DataSize;

/**
 * Limits that are changed while a listener runs.
 *
 * <p>Threading: stateless.
 */
final class ChangedLimits {

    /** The keys of limits that may be changed while a listener runs. */
    private static final List<String> CHANGEABLE =
            List.of("max-in-flight", "max-in-flight-per-partition", "max-in-flight-bytes", "max-concurrency");

    private ChangedLimits() {}

    /**
     * Options with other limits, checked as at a start.
     *
     * @param changes values by their keys
     * @throws InvalidBackpressurePropertyException if a value is impossible, or a limit cannot be changed
     */
    static ListenerOptions of(ListenerOptions present, Map<String, ?> changes) {
        RateLimitOptions rates = present.overload().rateLimit();
        for (String key : changes.keySet()) {
            boolean ofRates = RateLimitOptions.CHANGEABLE.contains(key);
            if (ofRates && rates == null) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(changes.get(key)),
                        "left out, as at the start of the application no rate-limit was set");
            }
            if (!ofRates && !CHANGEABLE.contains(key)) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(changes.get(key)),
                        "one of " + CHANGEABLE + " and " + RateLimitOptions.CHANGEABLE + " while the listener runs");
            }
        }
        if (changes.containsKey("max-in-flight-bytes") && present.maxInFlightBytes() == 0) {
            throw new InvalidBackpressurePropertyException(
                    "max-in-flight-bytes",
                    String.valueOf(changes.get("max-in-flight-bytes")),
                    "set at the start of the application too, as without such a limit bytes are not counted");
        }
        Map<String, Object> unchanged = new LinkedHashMap<>();
        unchanged.put("max-in-flight", present.maxInFlight());
        unchanged.put("max-concurrency", present.maxConcurrency());
        if (present.maxInFlightPerPartition() > 0) {
            unchanged.put("max-in-flight-per-partition", present.maxInFlightPerPartition());
        }
        if (present.maxInFlightBytes() > 0) {
            unchanged.put("max-in-flight-bytes", DataSize.ofBytes(present.maxInFlightBytes()));
        }
        if (present.batchSize() > 0) {
            unchanged.put("batch-size", present.batchSize());
        }
        if (rates != null) {
            unchanged.putAll(rates.changeable(changes));
        }
        ListenerOptions limits = ListenerOptions.of(List.of(
                new Source(ListenerSettings.of(changes), key -> key),
                new Source(ListenerSettings.of(unchanged), key -> key)));
        return new ListenerOptions(
                present.ordering(),
                limits.maxInFlight(),
                limits.maxInFlightPerPartition(),
                limits.maxInFlightBytes(),
                present.resumeAt(),
                limits.maxConcurrency(),
                present.drainTimeout(),
                present.commitInterval(),
                present.handlerTimeout(),
                limits.batchSize(),
                present.batchLinger(),
                present.overload()
                        .withRateLimit(
                                rates == null
                                        ? null
                                        : rates.withLimitOf(Objects.requireNonNull(
                                                limits.overload().rateLimit()))),
                present.stallTimeout(),
                present.slowRecordThreshold(),
                present.frontierTimeout(),
                present.rememberProgress(),
                present.offsetMetadataMaxBytes());
    }
}
