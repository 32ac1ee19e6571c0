package io.github.kafkabackpressure.rate;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lets senders pass a {@link RateLimiter} one after the other. Who holds the turn waits for the limiter, the others
 * queue for the turn: first come, first served, and the rate is exact at the moment of passing.
 *
 * <p>Threading: any thread.
 */
public final class RateGate {

    private final RateLimiter limiter;
    private final LongSupplier nanoTime;
    private final ReentrantLock turn = new ReentrantLock(true);

    private volatile @Nullable Thread waiting;

    /**
     * @param limiter says whether one more may pass
     * @param nanoTime monotonic
     */
    public RateGate(RateLimiter limiter, LongSupplier nanoTime) {
        this.limiter = limiter;
        this.nanoTime = nanoTime;
    }

    /** Passes if the rate allows it now and nobody waits. */
    public boolean tryPass() {
        if (!takesTurnAtOnce()) {
            return false;
        }
        try {
            return limiter.tryAcquire() == 0;
        } finally {
            turn.unlock();
        }
    }

    /**
     * Waits to pass until it can be seen that it will not be within {@code nanos}, or {@code mayGoOn} says no.
     *
     * @param nanos how long it may wait, in nanoseconds
     * @param mayGoOn asked again after {@link #release()}
     * @return whether it passed
     */
    public boolean pass(long nanos, BooleanSupplier mayGoOn) throws InterruptedException {
        long deadline = nanoTime.getAsLong() + nanos;
        if (!takesTurnAtOnce() && !turn.tryLock(nanos, TimeUnit.NANOSECONDS)) {
            return false;
        }
        try {
            waiting = Thread.currentThread();
            while (mayGoOn.getAsBoolean()) {
                long wait = limiter.tryAcquire();
                if (wait == 0) {
                    return true;
                }
                if (wait > deadline - nanoTime.getAsLong()) {
                    return false;
                }
                LockSupport.parkNanos(this, wait);
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
            }
            return false;
        } finally {
            waiting = null;
            turn.unlock();
        }
    }

    /** Asks who queues first: without a time even a fair lock is taken before those that queue for it. */
    private boolean takesTurnAtOnce() {
        return !turn.hasQueuedThreads() && turn.tryLock();
    }

    /** Lets those that wait look again at whether they may go on. */
    public void release() {
        Thread thread = waiting;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }
}
