package io.github.kafkabackpressure.listener.overload;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Has somebody look when a record is due that waits for its rate. Only the earliest time that was asked for counts.
 *
 * <p>Threading: any thread sets it; it rings on the JDK's timer thread.
 */
final class RoomTimer {

    /** Runs what is due on the JDK's timer thread; it must be quick. */
    private static final Executor ON_TIMER = Runnable::run;

    private final LongSupplier nanoTime;

    private final Runnable due;

    private boolean isSet;

    private long at;

    /**
     * Makes a timer that is not set.
     *
     * @param due called when it is time; it must be quick
     */
    RoomTimer(LongSupplier nanoTime, Runnable due) {
        this.nanoTime = nanoTime;
        this.due = due;
    }

    /** Sets it, unless it rings before that anyway. */
    void set(long time) {
        synchronized (this) {
            if (isSet && at - time <= 0) {
                return;
            }
            isSet = true;
            at = time;
        }
        long delay = Math.max(0, time - nanoTime.getAsLong());
        CompletableFuture.delayedExecutor(delay, TimeUnit.NANOSECONDS, ON_TIMER).execute(() -> ring(time));
    }

    private void ring(long time) {
        synchronized (this) {
            if (at == time) {
                isSet = false;
            }
        }
        due.run();
    }
}
