package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.concurrent.TimeUnit;

/**
 * Looks whether records wait for a worker, or for another record of their slice, that might hang.
 *
 * <p>Threading: the consumer's thread.
 */
final class BacklogWatch implements TickStep {

    /** How long to poll while they do. */
    private static final long CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private final ListenerRun run;

    private final Dispatcher dispatcher;

    BacklogWatch(ListenerRun run, Dispatcher dispatcher) {
        this.run = run;
        this.dispatcher = dispatcher;
    }

    @Override
    public void tick(long polledAt) {
        run.workers.nudge();
    }

    @Override
    public long nanosToNext() {
        return dispatcher.hasSlices() || run.workers.hasBacklog() ? CHECK_NANOS : Long.MAX_VALUE;
    }
}
