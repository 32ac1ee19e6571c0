package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import org.jspecify.annotations.Nullable;

/**
 * The meters of a listener, all tagged with its id as {@code listener}. They are there from its start to its stop.
 *
 * <p>Threading: safe, as meters are.
 */
public final class MicrometerListenerMetrics implements ListenerMetrics {

    private final ListenerMeters meters;

    private final @Nullable RecordTimers timers;

    /**
     * Registers the meters of a listener.
     *
     * @param registry where to
     * @param container the listener's container, which the meters read
     */
    public MicrometerListenerMetrics(MeterRegistry registry, BackpressuredMessageListenerContainer<?, ?> container) {
        this(registry, container, false, false);
    }

    /**
     * Registers the meters of a listener.
     *
     * @param registry where to
     * @param container the listener's container, which the meters read
     * @param histograms whether to count each record in histograms, which takes a good part of the time of a handler that
     *     only computes
     * @param partitions whether to have meters of single partitions, too
     */
    public MicrometerListenerMetrics(
            MeterRegistry registry,
            BackpressuredMessageListenerContainer<?, ?> container,
            boolean histograms,
            boolean partitions) {
        this.timers = histograms ? new RecordTimers(registry, container.getListenerId()) : null;
        this.meters = new ListenerMeters(registry, container, histograms, partitions);
        meters.open();
        if (timers != null) {
            timers.open();
        }
    }

    @Override
    public boolean wantsRecords() {
        return timers != null;
    }

    @Override
    public void started(long waitedNanos) {
        if (timers != null) {
            timers.waited(waitedNanos);
        }
    }

    @Override
    public void finished(RecordOutcome outcome, long handledNanos) {
        if (timers != null) {
            timers.handled(outcome, handledNanos);
        }
    }

    @Override
    public void close() {
        meters.close();
        if (timers != null) {
            timers.remove();
        }
    }
}
