package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import java.util.List;
import org.springframework.util.unit.DataSize;

/** Options of a listener for tests without an application context. */
final class TestOptions {

    private TestOptions() {}

    static ListenerOptions of(Ordering ordering, int maxInFlight, double resumeAt) {
        return of(ordering, maxInFlight, resumeAt, null, null);
    }

    static ListenerOptions of(
            Ordering ordering, int maxInFlight, double resumeAt, DataSize maxInFlightBytes, Integer maxConcurrency) {
        ListenerSettings settings = new ListenerSettings(
                ordering, maxInFlight, null, maxInFlightBytes, resumeAt, maxConcurrency, null, null, null, null, null);
        return ListenerOptions.of(List.of(ListenerOptions.Source.ofProperties("listener", settings)), false);
    }
}
