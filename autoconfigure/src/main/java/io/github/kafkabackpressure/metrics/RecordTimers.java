package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.RecordOutcome;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Timers with histograms that are told of each record.
 *
 * <p>Threading: any thread.
 */
final class RecordTimers extends SharedMeters {

    private static final String PREFIX = "kafka.backpressure.listener.";

    private final Timer queueWait;

    private final Map<RecordOutcome, Timer> handling = new EnumMap<>(RecordOutcome.class);

    RecordTimers(MeterRegistry registry, String listener) {
        super(registry, PREFIX + "records." + listener);
        this.queueWait = Timer.builder(PREFIX + "queue.wait")
                .description("Time from the poll until a worker takes a record")
                .tag("listener", listener)
                .publishPercentileHistogram()
                .register(registry);
        for (RecordOutcome outcome : EnumSet.complementOf(EnumSet.of(RecordOutcome.REMEMBERED))) { // not handled
            handling.put(
                    outcome,
                    Timer.builder(PREFIX + "handling")
                            .description(
                                    "Time that handling a record takes, retries included; its count counts records")
                            .tag("listener", listener)
                            .tag("outcome", ListenerMeters.tag(outcome))
                            .publishPercentileHistogram()
                            .register(registry));
        }
    }

    @Override
    List<Meter> register(MeterRegistry meters) {
        List<Meter> all = new ArrayList<>(handling.values());
        all.add(queueWait);
        return all;
    }

    Timer queueWait() {
        return queueWait;
    }

    Timer handling(RecordOutcome outcome) {
        return Objects.requireNonNull(handling.get(outcome));
    }
}
