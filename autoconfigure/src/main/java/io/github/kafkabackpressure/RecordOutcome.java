package io.github.kafkabackpressure;

/** How the handling of a record ended. */
public enum RecordOutcome {

    /** The listener's method returned, or a filter or interceptor passed the record over. */
    HANDLED,

    /**
     * The listener's method failed and the error handler dealt with the record, for instance by a dead-letter topic.
     */
    RECOVERED,

    /** A former assignment of the partition had finished it, as its last commit remembered; it was passed over. */
    REMEMBERED,

    /** It was not finished: the listener stops, or the partition was revoked during a retry. The record comes again. */
    UNFINISHED
}
