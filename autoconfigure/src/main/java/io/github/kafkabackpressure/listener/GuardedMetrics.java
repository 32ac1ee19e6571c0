package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.commons.logging.LogFactory;
import org.springframework.core.log.LogAccessor;

/**
 * Keeps what measures from harming what is measured: whatever the user's metrics throw ends here, and is logged once.
 *
 * <p>Threading: as what it guards.
 */
final class GuardedMetrics implements ListenerMetrics {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(GuardedMetrics.class));

    private final ListenerMetrics metrics;

    private final AtomicBoolean hasThrown = new AtomicBoolean();

    private GuardedMetrics(ListenerMetrics metrics) {
        this.metrics = metrics;
    }

    /** Guards metrics; those that measure nothing stay what they are, as they are told nothing. */
    static ListenerMetrics of(ListenerMetrics metrics) {
        return metrics == NOOP || metrics instanceof GuardedMetrics ? metrics : new GuardedMetrics(metrics);
    }

    private void guard(Throwable thrown) {
        if (hasThrown.compareAndSet(false, true)) {
            LOG.error(
                    thrown,
                    () -> "The listener's metrics (" + metrics.getClass().getName()
                            + ") threw an exception; that is logged only once, and handling goes on.");
        }
    }

    @Override
    public boolean wantsRecords() {
        try {
            return metrics.wantsRecords();
        } catch (RuntimeException | Error e) {
            guard(e);
            return false;
        }
    }

    @Override
    public void close() {
        try {
            metrics.close();
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void started(long waitedNanos) {
        try {
            metrics.started(waitedNanos);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void started(long waitedNanos, int records) {
        try {
            metrics.started(waitedNanos, records);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void finished(RecordOutcome outcome, long handledNanos) {
        try {
            metrics.finished(outcome, handledNanos);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void finished(RecordOutcome outcome, long handledNanos, int records) {
        try {
            metrics.finished(outcome, handledNanos, records);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void dropped(String strategy, DropReason reason) {
        try {
            metrics.dropped(strategy, reason);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void paused(PauseReason reason) {
        try {
            metrics.paused(reason);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void resumed(PauseReason reason) {
        try {
            metrics.resumed(reason);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }

    @Override
    public void committed(boolean success) {
        try {
            metrics.committed(success);
        } catch (RuntimeException | Error e) {
            guard(e);
        }
    }
}
