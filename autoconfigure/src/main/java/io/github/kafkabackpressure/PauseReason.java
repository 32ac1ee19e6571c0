package io.github.kafkabackpressure;

/** Why a partition is paused. */
public enum PauseReason {

    /** The listener has no room for another poll within {@code max-in-flight}. */
    MAX_IN_FLIGHT,

    /** The listener has {@code max-in-flight-bytes} or more in flight. */
    MAX_IN_FLIGHT_BYTES,

    /** The partition has {@code max-in-flight-per-partition} or more in flight. */
    MAX_IN_FLIGHT_PER_PARTITION,

    /** Room is getting short, the partition holds more than its share of it, and others have records waiting. */
    FAIR_SHARE,

    /** Room is getting short, and topics of the listener with a higher {@code topic-priority} have records waiting. */
    TOPIC_PRIORITY,

    /**
     * So many finished records wait behind an unfinished one of the partition that the tracker takes no more of them
     * before that one is finished.
     */
    FRONTIER_STUCK,

    /**
     * So many records of the partition are finished in so many places that the metadata of a commit might soon not hold
     * which ones.
     */
    COMMIT_METADATA,

    /** The user paused it through the container. */
    USER
}
