package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;

/**
 * What a pipeline's parts know of themselves, put together.
 *
 * <p>Threading: any thread.
 */
record PipelineStats(
        ProducerOptions options,
        BoundedBuffer<?> buffer,
        InFlightWindow window,
        Pace pace,
        BlockedSends blockedSends,
        SendTally tally)
        implements ProducerStats {

    @Override
    public int buffered() {
        return buffer.size();
    }

    @Override
    public int maxBuffered() {
        return options.limits().records();
    }

    @Override
    public long bufferedBytes() {
        return buffer.bytes();
    }

    @Override
    public int inFlight() {
        return window.inFlight();
    }

    @Override
    public int maxInFlight() {
        return window.limit();
    }

    @Override
    public BufferState state() {
        return buffer.state();
    }

    @Override
    public boolean slow() {
        return pace.isSlow();
    }

    @Override
    public int blocked() {
        return blockedSends.waiting();
    }

    @Override
    public long blockedTotal() {
        return blockedSends.count();
    }

    @Override
    public long blockedNanos() {
        return blockedSends.nanos();
    }

    @Override
    public long accepted() {
        return tally.acceptedTotal();
    }

    @Override
    public long ended(SendOutcome outcome) {
        return tally.endedTotal(outcome);
    }
}
