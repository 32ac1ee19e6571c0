package io.github.kafkabackpressure.listener;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Something that happened to a listener, for who wants to see what it has been through.
 *
 * <p>Threading: immutable.
 *
 * @param sequence tells events apart and goes up by one with each; one that lasts keeps its number while it grows
 * @param kind what happened
 * @param at when it happened or began
 * @param until when it ended, or when it was last seen to last
 * @param count how often it happened in that time
 * @param millis how long it took in all, in milliseconds; 0 where that means nothing
 * @param reason the reason of a pause, the name of a limit, and so on; empty if there is none
 * @param topic the topic that it happened to; null if it was the listener
 * @param partition the partition that it happened to, or -1
 * @param text what to tell a reader; never anything of a record
 */
public record ListenerEvent(
        long sequence,
        Kind kind,
        Instant at,
        Instant until,
        long count,
        long millis,
        String reason,
        @Nullable String topic,
        int partition,
        String text) {

    /** What can happen. */
    public enum Kind {

        /** The listener was started. */
        STARTED,

        /** The listener was stopped. */
        STOPPED,

        /** The listener died: its loop ended by an exception. */
        FAILED,

        /** Partitions, or all of the listener, were paused and resumed, as often as {@code count} says. */
        PAUSED,

        /** Partitions were assigned. */
        ASSIGNED,

        /** Partitions were revoked. */
        REVOKED,

        /** Partitions were lost: the consumer had been thrown out of its group. */
        LOST,

        /** Partitions that leave were drained; the count is of records that were given up. */
        DRAINED,

        /** Records were dropped; the count is how many. */
        DROPPED,

        /** A commit failed. */
        COMMIT_FAILED,

        /** A limit was changed at run time. */
        LIMIT_CHANGED,

        /** Somebody steered the listener: paused, resumed, drained, stopped, started it. */
        STEERED,

        /** The watchdog raised an alarm. */
        ALARM,

        /** What an alarm was about is over. */
        CLEARED
    }
}
