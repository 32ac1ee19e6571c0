package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.Nanos;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.MessageListenerContainer;

/**
 * How a worker waits: between two attempts, and for the end of one.
 *
 * <p>Threading: the workers, each for itself.
 */
public final class WorkerWaits {

    /** The shortest time from asking an error handler to the next attempt. */
    static final Duration LEAST_RETRY_DELAY = Duration.ofMillis(10);

    /** How often a retry looks whether a paused container has been resumed. */
    static final Duration PAUSE_CHECK = Duration.ofMillis(50);

    private final ListenerRun run;

    public WorkerWaits(ListenerRun run) {
        this.run = run;
    }

    /**
     * Lets a worker sleep between two attempts, in steps, so that a revoke or a stop does not wait for a long back-off.
     * An interrupt ends it and stays set.
     *
     * @param condition whether to sleep on
     */
    public void sleepWhile(BooleanSupplier condition, Duration time) {
        WaitsFor before = run.running.waitsFor(WaitsFor.BACK_OFF);
        try {
            sleepInStepsWhile(condition, time, run.nanoTime);
        } finally {
            run.running.waitsFor(before);
        }
    }

    /** Sleeps while a condition holds, looking now and then; an interrupt ends it and stays set. */
    public static void sleepInStepsWhile(BooleanSupplier condition, Duration time, LongSupplier nanoTime) {
        long nanos = Nanos.of(time);
        long end = nanoTime.getAsLong() + nanos;
        try {
            for (long left = nanos; left > 0 && condition.getAsBoolean(); left = end - nanoTime.getAsLong()) {
                Thread.sleep(Math.min(100, left / 1_000_000 + 1));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** As {@link #sleepWhile}, and leaves the worker's slot to others; a further attempt has to take one again. */
    void sleepWithoutSlotWhile(BooleanSupplier condition, Duration time) {
        run.workers.leaveSlot();
        sleepWhile(condition, time);
    }

    /**
     * Lets a worker wait for the end of an attempt whose method has returned. Only the end of the workers cuts that short.
     *
     * @param holdsSlot whether something runs for the attempt, so that the worker's slot is not for others meanwhile;
     *     else it is left to them, and a further attempt has to take one again
     * @return null if the workers end
     */
    public @Nullable Signal await(RecordAcknowledgment acknowledgment, boolean holdsSlot) {
        WaitsFor before = run.running.waitsFor(holdsSlot ? WaitsFor.RESULT : WaitsFor.ACKNOWLEDGMENT);
        if (!holdsSlot && acknowledgment.signal() == null) {
            run.workers.leaveSlot();
        }
        try {
            Signal signal;
            do {
                run.workers.forgetInterrupt();
                signal = acknowledgment.await();
            } while (signal == null && !run.workers.isClosed());
            return signal;
        } finally {
            run.running.waitsFor(before);
        }
    }

    /**
     * Lets a worker wait for what an error handler left of the time between two attempts. It may have refused to
     * recover without any delay, and must not be asked again in a hot loop; and it may have paused the container for
     * the time of its back-off, and while a container is paused nothing comes again.
     *
     * @param condition whether to wait on
     * @param asked when the error handler was asked, in nanoseconds
     */
    void awaitRetryWhile(BooleanSupplier condition, long asked, MessageListenerContainer container) {
        sleepWhile(condition, LEAST_RETRY_DELAY.minusNanos(run.nanoTime.getAsLong() - asked));
        while (container.isPauseRequested()
                && condition.getAsBoolean()
                && !Thread.currentThread().isInterrupted()) {
            sleepWhile(condition, PAUSE_CHECK);
        }
    }
}
