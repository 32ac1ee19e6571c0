package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * The meters of a listener, all tagged with its id as {@code listener}.
 *
 * <p>Threading: safe, as meters are.
 */
public final class MicrometerListenerMetrics implements ListenerMetrics {

    private static final String PREFIX = "kafka.backpressure.listener.";

    private final MeterRegistry registry;

    private final BackpressuredMessageListenerContainer<?, ?> container;

    private final Timer queueWait;

    private final Map<RecordOutcome, Timer> handling;

    private final Map<PauseReason, Counter> pauses;

    private final Map<PauseReason, Counter> resumes;

    private final Counter commits;

    private final Counter failedCommits;

    /**
     * Registers the meters of a listener.
     *
     * @param registry where to
     * @param container the listener's container, which the gauges read
     */
    public MicrometerListenerMetrics(MeterRegistry registry, BackpressuredMessageListenerContainer<?, ?> container) {
        this.registry = registry;
        this.container = container;
        gauge("in.flight", "Records polled and not finished", c -> c.getInFlight());
        gauge(
                "limit",
                "The most records that may be in flight",
                c -> c.getOptions().maxInFlight());
        gauge("queued", "Records in flight that wait for their lane or a worker", ofSnapshot(ListenerSnapshot::queued));
        gauge("partitions.paused", "Paused partitions", ofSnapshot(ListenerSnapshot::pausedPartitions));
        this.queueWait = Timer.builder(PREFIX + "queue.wait")
                .description("Time from the poll until a worker takes a record")
                .tag("listener", container.getListenerId())
                .register(registry);
        this.handling = each(
                RecordOutcome.values(),
                RecordOutcome.class,
                outcome -> Timer.builder(PREFIX + "handling")
                        .description(
                                "Time that handling a record takes, retries included, by outcome; its count counts records")
                        .tag("listener", container.getListenerId())
                        .tag("outcome", tag(outcome))
                        .register(registry));
        this.pauses = each(PauseReason.values(), PauseReason.class, reason -> pausing("pauses", reason));
        this.resumes = each(PauseReason.values(), PauseReason.class, reason -> pausing("resumes", reason));
        this.commits = commits("success");
        this.failedCommits = commits("failure");
    }

    private void gauge(
            String name, String description, ToDoubleFunction<BackpressuredMessageListenerContainer<?, ?>> value) {
        Gauge.builder(PREFIX + name, container, value)
                .description(description)
                .tag("listener", container.getListenerId())
                .register(registry);
    }

    private static ToDoubleFunction<BackpressuredMessageListenerContainer<?, ?>> ofSnapshot(
            ToDoubleFunction<ListenerSnapshot> value) {
        return container -> value.applyAsDouble(container.snapshot());
    }

    private Counter pausing(String name, PauseReason reason) {
        return Counter.builder(PREFIX + name)
                .description("How often the listener or a partition has been paused or resumed, by reason")
                .tag("listener", container.getListenerId())
                .tag("reason", tag(reason))
                .register(registry);
    }

    private Counter commits(String result) {
        return Counter.builder(PREFIX + "commits")
                .description("Commits of frontiers")
                .tag("listener", container.getListenerId())
                .tag("result", result)
                .register(registry);
    }

    private static String tag(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static <E extends Enum<E>, M> Map<E, M> each(E[] values, Class<E> type, Function<E, M> meter) {
        Map<E, M> meters = new EnumMap<>(type);
        for (E value : values) {
            meters.put(value, meter.apply(value));
        }
        return meters;
    }

    private static <E extends Enum<E>, M> M of(Map<E, M> meters, E value) {
        M meter = meters.get(value);
        if (meter == null) {
            throw new IllegalStateException("no meter for " + value);
        }
        return meter;
    }

    @Override
    public void started(long waitedNanos) {
        queueWait.record(waitedNanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void finished(RecordOutcome outcome, long handledNanos) {
        of(handling, outcome).record(handledNanos, TimeUnit.NANOSECONDS);
    }

    @Override
    public void paused(PauseReason reason) {
        of(pauses, reason).increment();
    }

    @Override
    public void resumed(PauseReason reason) {
        of(resumes, reason).increment();
    }

    @Override
    public void committed(boolean success) {
        (success ? commits : failedCommits).increment();
    }
}
