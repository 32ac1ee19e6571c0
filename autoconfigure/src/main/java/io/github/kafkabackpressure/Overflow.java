package io.github.kafkabackpressure;

/**
 * What a producer's buffer does with a record that it has no room for.
 */
public enum Overflow {

    /** The sending thread waits for room, up to {@code max-block}. */
    BLOCK,

    /** The record is refused at once. */
    REJECT,

    /** The record that comes is dropped. */
    DROP_NEWEST,

    /** The records that have waited longest are dropped for it. */
    DROP_OLDEST,

    /** Records are dropped for it that chance picks, each with the same probability. */
    DROP_RANDOM,

    /**
     * The oldest of the records with the lowest priority are dropped for it, if its own priority is strictly higher;
     * otherwise it is dropped itself.
     */
    DROP_LOWEST_PRIORITY
}
