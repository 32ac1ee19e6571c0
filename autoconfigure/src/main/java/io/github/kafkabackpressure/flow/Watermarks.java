package io.github.kafkabackpressure.flow;

/**
 * The two levels between which something stays as it is: at or above {@code high} it is paused, at or below
 * {@code low} it is resumed, and in between it keeps the state that it had (hysteresis).
 *
 * <p>Threading: immutable.
 *
 * @param high the level at which to pause, at least 1
 * @param low the level at which to resume, from 0 to {@code high - 1}
 */
public record Watermarks(long high, long low) {

    public Watermarks {
        if (high < 1 || low < 0 || low >= high) {
            throw new IllegalArgumentException("low must be from 0 to high - 1, high at least 1: " + low + ", " + high);
        }
    }

    /**
     * The watermarks of a limit.
     *
     * @param limit the high watermark, at least 1
     * @param resumeAt the share of the limit that makes the low watermark, from 0 to 1
     */
    public static Watermarks of(long limit, double resumeAt) {
        return new Watermarks(limit, Math.min((long) (limit * resumeAt), limit - 1));
    }

    /**
     * Says whether a level pauses.
     *
     * @param paused the state so far
     * @param level the present level
     */
    public boolean pauses(boolean paused, long level) {
        return paused ? level > low : level >= high;
    }
}
