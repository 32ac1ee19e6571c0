package io.github.kafkabackpressure.listener.task;

import java.time.Duration;

/**
 * Durations that users give, in nanoseconds: some mean for ever by them.
 *
 * <p>Threading: stateless.
 */
public final class Nanos {

    private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE);

    private Nanos() {}

    /** The duration in nanoseconds, or {@link Long#MAX_VALUE}, which is 292 years, if it is longer. */
    public static long of(Duration duration) {
        return duration.compareTo(LONGEST) < 0 ? duration.toNanos() : Long.MAX_VALUE;
    }

    /** As whole milliseconds, rounded up: Kafka counts in those, and a poll of 0 ms does not wait at all. */
    public static Duration roundedUp(long nanos) {
        long millis = nanos / 1_000_000;
        return Duration.ofMillis(Math.max(0, nanos % 1_000_000 > 0 ? millis + 1 : millis));
    }
}
