package io.github.kafkabackpressure.test;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Waits for a count to reach its goal, and fails as soon as it stands still: sampled every 500 ms, ten samples in a row
 * without progress after the first one are a stall. So a test that hangs says after five seconds where it hangs.
 *
 * <p>Threading: the test's thread.
 */
public final class StallDetector {

    private static final Duration SAMPLE_INTERVAL = Duration.ofMillis(500);

    private static final int SAMPLES_OF_A_STALL = 10;

    private static final Duration LONGEST_WAIT_FOR_THE_FIRST = Duration.ofSeconds(30);

    private StallDetector() {}

    /**
     * Returns when the goal is reached.
     *
     * @param what what is counted, for the message
     * @param progress the count
     * @param goal the count to wait for
     * @throws AssertionError if the count stands still below the goal
     */
    public static void await(String what, LongSupplier progress, long goal) {
        long began = System.nanoTime();
        long last = progress.getAsLong();
        int still = 0;
        while (last < goal) {
            awaitSample(progress, goal);
            long now = progress.getAsLong();
            still = now == last ? still + 1 : 0;
            last = now;
            boolean beforeTheFirst = now == 0;
            if (beforeTheFirst
                    ? System.nanoTime() - began > LONGEST_WAIT_FOR_THE_FIRST.toNanos()
                    : still >= SAMPLES_OF_A_STALL) {
                throw new AssertionError("%s stands still at %d of %d".formatted(what, now, goal));
            }
        }
    }

    private static void awaitSample(LongSupplier progress, long goal) {
        long end = System.nanoTime() + SAMPLE_INTERVAL.toNanos();
        while (System.nanoTime() - end < 0 && progress.getAsLong() < goal) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }
}
