package io.github.kafkabackpressure.rate;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Makes rate limiters.
 *
 * <p>Threading: any thread.
 */
public final class RateLimiters {

    private static final boolean BUCKET4J = isPresent("io.github.bucket4j.Bucket");

    private RateLimiters() {}

    /** Whether a token bucket can be had: whether Bucket4j is on the class path. */
    public static boolean hasTokenBucket() {
        return BUCKET4J;
    }

    /**
     * A bucket that refills evenly and starts full.
     *
     * @param rate tokens a second, 1 to 1,000,000,000
     * @param burst tokens that the bucket holds
     * @param cost tokens that a record takes, at most {@code burst}
     * @param nanoTime monotonic
     * @throws IllegalStateException if {@link #hasTokenBucket()} says no
     */
    public static RateLimiter tokenBucket(long rate, long burst, long cost, LongSupplier nanoTime) {
        if (!BUCKET4J) {
            throw new IllegalStateException("com.bucket4j:bucket4j_jdk17-core is not on the class path");
        }
        return TokenBucketLimiter.of(rate, burst, cost, nanoTime);
    }

    /**
     * At most so many records in any window of a length.
     *
     * @param records records in a window
     * @param length length of the window
     * @param nanoTime monotonic
     */
    public static RateLimiter slidingWindow(int records, Duration length, LongSupplier nanoTime) {
        return new SlidingWindowLimiter(records, length.toNanos(), nanoTime);
    }

    private static boolean isPresent(String type) {
        try {
            Class.forName(type, false, RateLimiters.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }
}
