package io.github.kafkabackpressure.rate;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.function.LongSupplier;

/**
 * Admits at most a number of records in any window of a length, wherever the window begins. Exact, because it remembers
 * when each of the last so many was admitted.
 *
 * <p>Threading: any thread.
 */
public final class SlidingWindowLimiter implements RateLimiter {

    private final long lengthNanos;
    private final LongSupplier nanoTime;

    @GuardedBy("this") private final long[] admitted;

    @GuardedBy("this") private long count;

    /**
     * @param records records in a window; costs eight bytes each
     * @param lengthNanos length of the window
     * @param nanoTime monotonic
     */
    public SlidingWindowLimiter(int records, long lengthNanos, LongSupplier nanoTime) {
        this.admitted = new long[records];
        this.lengthNanos = lengthNanos;
        this.nanoTime = nanoTime;
    }

    @Override
    public synchronized long tryAcquire() {
        long now = nanoTime.getAsLong();
        int oldest = (int) (count % admitted.length);
        if (count >= admitted.length) {
            long age = now - admitted[oldest];
            if (age < lengthNanos) {
                return lengthNanos - age;
            }
        }
        admitted[oldest] = now;
        count++;
        return 0;
    }
}
