package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.springframework.util.unit.DataSize;

/** Options of a listener for tests without an application context. */
public final class TestOptions {

    private TestOptions() {}

    public static ListenerOptions of(Ordering ordering, int maxInFlight, double resumeAt) {
        return of(ordering, maxInFlight, resumeAt, null, null);
    }

    public static ListenerOptions of(
            Ordering ordering, int maxInFlight, double resumeAt, DataSize maxInFlightBytes, Integer maxConcurrency) {
        return of(ordering, maxInFlight, resumeAt, maxInFlightBytes, maxConcurrency, Map.of());
    }

    public static ListenerOptions of(
            Ordering ordering,
            int maxInFlight,
            double resumeAt,
            DataSize maxInFlightBytes,
            Integer maxConcurrency,
            Map<String, ?> others) {
        Map<String, Object> keys = new HashMap<>(others);
        keys.put("ordering", ordering);
        keys.put("max-in-flight", maxInFlight);
        keys.put("max-in-flight-bytes", maxInFlightBytes);
        keys.put("resume-at", resumeAt);
        keys.put("max-concurrency", maxConcurrency);
        keys.values().removeIf(Objects::isNull);
        return ListenerOptions.of(List.of(ListenerOptions.Source.ofProperties("listener", ListenerSettings.of(keys))));
    }
}
