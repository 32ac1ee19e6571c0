package io.github.kafkabackpressure;

/**
 * The order in which the records of a listener are handled.
 */
public enum Ordering {

    /** The records of a partition are handled one at a time, in offset order. */
    PARTITION,

    /**
     * The records of a partition that have equal keys are handled one at a time, in offset order; records with
     * different keys are handled at the same time. The records of a partition that have no key count as records of
     * one key.
     */
    KEY,

    /** Every record is handled as soon as there is a worker for it. */
    UNORDERED
}
