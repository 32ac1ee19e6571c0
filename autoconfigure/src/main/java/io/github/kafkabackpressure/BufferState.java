package io.github.kafkabackpressure;

/**
 * How full a producer's buffer, or a listener, is, with a memory: an episode begins when a limit is reached and ends when
 * it has drained to half of the soft limit, a listener for a second. So what hovers around a limit is one episode.
 *
 * <p>Legal moves: {@code NORMAL} to {@code PRESSURED} or {@code FULL}, {@code PRESSURED} to {@code FULL} or
 * {@code NORMAL}, {@code FULL} to {@code NORMAL}.
 */
public enum BufferState {

    /** There is room. */
    NORMAL,

    /** The soft limit was reached: records of low priority are shed. */
    PRESSURED,

    /** The hard limit was reached: {@link Overflow}, or {@link ListenerOverflow}, decides. */
    FULL
}
