package io.github.kafkabackpressure;

/**
 * How the sending of one record ended. Every record that a {@code BackpressuredKafkaTemplate} was given ends in exactly
 * one of these, on its future and in the meter {@code kafka.backpressure.producer.records}.
 */
public enum SendOutcome {

    /** The broker acknowledged it. */
    DELIVERED,

    /** The broker, or Kafka's producer, refused it. */
    FAILED,

    /** Refused: the buffer was full and {@code overflow} is {@code reject}, or the record is larger than the buffer. */
    REJECTED,

    /** Refused: the buffer was full for as long as {@code max-block}. */
    TIMED_OUT,

    /** Refused: the sending thread was interrupted while it waited. */
    INTERRUPTED,

    /** Refused: under the rate limit it was not its turn; for a {@code send}, not within {@code max-block}. */
    RATE_LIMITED,

    /** Dropped, by the soft limit, by {@code overflow}, or because a {@code trySend} found the buffer full. */
    DROPPED,

    /** Refused: the context is closing, or closed. */
    CLOSED,

    /** Accepted, but not acknowledged when the context had to close; it may have reached the broker all the same. */
    NOT_DELIVERED,

    /** Not delivered, but written to the spool directory: it is sent first at the next start. */
    SPOOLED
}
