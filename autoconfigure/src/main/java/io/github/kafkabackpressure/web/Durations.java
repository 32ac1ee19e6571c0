package io.github.kafkabackpressure.web;

import java.time.Duration;

/** Estimates of durations. */
final class Durations {

    /** What is said when nothing moves. */
    static final Duration LONG = Duration.ofDays(1);

    private Durations() {}

    /** How long so many records take at a speed. */
    static Duration of(long records, double perSecond) {
        if (records <= 0) {
            return Duration.ZERO;
        }
        double seconds = records / perSecond;
        return perSecond <= 0 || seconds > LONG.toSeconds() ? LONG : Duration.ofMillis((long) (seconds * 1000));
    }
}
