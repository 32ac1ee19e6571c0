package io.github.kafkabackpressure.producer;

/**
 * Whom a template takes records from.
 *
 * <p>Legal moves: {@code OPEN} to {@code LISTENERS_ONLY} or {@code CLOSED}, {@code LISTENERS_ONLY} to {@code CLOSED},
 * and both back to {@code OPEN} when the context starts again.
 *
 * <p>Threading: immutable; the pipeline that holds it says who moves it.
 */
enum Intake {

    /** From everyone. */
    OPEN,

    /** The context is closing: only from threads that handle a record of a listener that drains. */
    LISTENERS_ONLY,

    /** From no one: what was accepted is being flushed, or was. */
    CLOSED
}
