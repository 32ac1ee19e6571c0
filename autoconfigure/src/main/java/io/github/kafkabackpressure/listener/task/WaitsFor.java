package io.github.kafkabackpressure.listener.task;

/**
 * What the handling of a record waits for.
 *
 * <p>Threading: immutable.
 */
public enum WaitsFor {

    /** For the user's method, which runs. */
    METHOD,

    /** For the next attempt. */
    BACK_OFF,

    /** For somebody to acknowledge it. */
    ACKNOWLEDGMENT,

    /** For the result that the method returned. */
    RESULT
}
