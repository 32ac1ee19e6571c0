package io.github.kafkabackpressure.producer;

import org.springframework.context.SmartLifecycle;

/**
 * Stops first of all, and tells buffered templates that a stop has begun: a {@code context.stop()} has no event of its
 * own before the fact, as a close has.
 *
 * <p>Threading: the context's thread.
 */
public final class ClosingSignal implements SmartLifecycle {

    private final ProducerFlushLifecycle flush;

    private volatile boolean running;

    /** @param flush what knows the templates */
    public ClosingSignal(ProducerFlushLifecycle flush) {
        this.flush = flush;
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        running = false;
        flush.refuseOutsiders();
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public int getPhase() {
        return Integer.MAX_VALUE;
    }
}
