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
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Timers with histograms that are told of each record.
 *
 * <p>Threading: any thread.
 */
final class RecordTimers extends SharedMeters {

    private static final String PREFIX = "kafka.backpressure.listener.";

    private final String listener;

    /** Null while the registry has those of another listener of that name, or none. */
    private volatile @Nullable Timer queueWait;

    private volatile Map<RecordOutcome, Timer> handling = Map.of();

    RecordTimers(MeterRegistry registry, String listener) {
        super(registry, PREFIX + "records." + listener);
        this.listener = listener;
    }

    @Override
    List<Meter> register(MeterRegistry registry) {
        Timer wait = Timer.builder(PREFIX + "queue.wait")
                .description("Time from the poll until a worker takes a record")
                .tag("listener", listener)
                .publishPercentileHistogram()
                .register(registry);
        Map<RecordOutcome, Timer> timers = new EnumMap<>(RecordOutcome.class);
        for (RecordOutcome outcome : EnumSet.complementOf(EnumSet.of(RecordOutcome.REMEMBERED))) { // not handled
            timers.put(
                    outcome,
                    Timer.builder(PREFIX + "handling")
                            .description(
                                    "Time that handling a record takes, retries included; its count counts records")
                            .tag("listener", listener)
                            .tag("outcome", ListenerMeters.tag(outcome))
                            .publishPercentileHistogram()
                            .register(registry));
        }
        queueWait = wait;
        handling = timers;
        List<Meter> all = new ArrayList<>(timers.values());
        all.add(wait);
        return all;
    }

    void waited(long nanos) {
        Timer timer = queueWait;
        if (timer != null) {
            timer.record(nanos, TimeUnit.NANOSECONDS);
        }
    }

    void handled(RecordOutcome outcome, long nanos) {
        Timer timer = handling.get(outcome);
        if (timer != null) {
            timer.record(nanos, TimeUnit.NANOSECONDS);
        }
    }
}
