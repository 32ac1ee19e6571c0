package io.github.kafkabackpressure.buffer;

/**
 * What becomes of the oldest record of a buffer when some are taken.
 *
 * <p>Threading: immutable; any thread.
 */
public enum Leave {

    /** It goes to who takes. */
    TAKEN,

    /** It is set aside, and keeps its room. */
    ASIDE,

    /** It stays, and so do those behind it: who takes has to find out first. */
    NOT_YET
}
