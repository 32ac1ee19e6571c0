package io.github.kafkabackpressure;

import java.util.Locale;

/**
 * What a listener does when more records come than it may have in flight. What is dropped is a record that was polled
 * and whose handling has not begun.
 */
public enum ListenerOverflow {

    /** Partitions are paused until there is room. Nothing is lost. */
    PAUSE,

    /** The record that comes is dropped. */
    DROP_NEWEST,

    /** The record that has waited longest is dropped for it. */
    DROP_OLDEST,

    /** A waiting record is dropped for it that chance picks, each with the same probability. */
    DROP_RANDOM,

    /**
     * The oldest of the waiting records with the lowest priority is dropped for it, if its own priority is strictly
     * higher; otherwise it is dropped itself.
     */
    DROP_LOWEST_PRIORITY,

    /**
     * Of each key only the newest waiting record is kept, however much is in flight; records without a key are all kept.
     * When as many keys wait as may be in flight, partitions are paused.
     */
    CONFLATE;

    /** Whether records are dropped when there is no room for those that come. */
    public boolean dropsWhenFull() {
        return this != PAUSE && this != CONFLATE;
    }

    /** The value as properties have it. */
    public String propertyValue() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
