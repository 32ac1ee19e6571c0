package io.github.kafkabackpressure;

import java.util.Locale;

/** Why a listener has dropped a record. */
public enum DropReason {

    /** There was no room within {@code max-in-flight}. */
    MAX_IN_FLIGHT,

    /** The soft limit was reached, and the record's priority was low. */
    SOFT_LIMIT,

    /** A newer record with the same key came. */
    NEWER_RECORD,

    /** The record was older than {@code max-age} when its turn came. */
    MAX_AGE;

    /** As it is written in headers, meters and logs. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
