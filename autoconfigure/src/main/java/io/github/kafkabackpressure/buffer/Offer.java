package io.github.kafkabackpressure.buffer;

/**
 * What became of a record that was offered to a {@link BoundedBuffer}.
 *
 * <p>Threading: immutable.
 */
public enum Offer {

    /** The record waits now. */
    ACCEPTED,

    /** The record was refused: the soft limit is reached and its priority is low. */
    SHED,

    /** The record was refused: there is no room, none could be made, or others wait for it who came before. */
    FULL,

    /** The record was refused: it alone is larger than all that may wait. */
    TOO_LARGE,

    /** The record was refused: the buffer takes nothing in any more. */
    CLOSED
}
