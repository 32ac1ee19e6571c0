package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.time.Instant;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Something is wrong with a listener, or that is over. Published as an application event, once when it begins and once when
 * it ends.
 *
 * <p>Threading: immutable.
 *
 * @param listener the listener's id
 * @param kind what is wrong
 * @param over whether it is over
 * @param since when the watchdog saw it first
 * @param lasts how long it had lasted by then
 * @param topic of the record or the partition; null if it is the listener as a whole
 * @param partition of the record or the partition; -1 if it is the listener as a whole
 * @param offset of the record; -1 if it is about none
 * @param text what to tell a reader; never anything of a record but its coordinates
 * @param stack what the thread does that has the record in hand; empty if none has
 */
public record ListenerAlarm(
        String listener,
        Kind kind,
        boolean over,
        Instant since,
        Duration lasts,
        @Nullable String topic,
        int partition,
        long offset,
        String text,
        String stack) {

    /** What can be wrong. */
    public enum Kind {

        /** There is room, there are records to be polled or handled, and nothing has come or gone for {@code stall-timeout}. */
        STALLED,

        /** A record has been handled for {@code slow-record-threshold}. */
        SLOW_RECORD,

        /** A partition's frontier has not moved for {@code frontier-timeout}, while records behind it are finished. */
        FRONTIER_STUCK,

        /** A partition has been paused for {@code stall-timeout} although there is room. */
        PAUSED_WITH_ROOM
    }

    /** The partition that it is about; null if it is the listener as a whole. */
    @Nullable TopicPartition at() {
        return topic == null ? null : new TopicPartition(topic, partition);
    }

    /** The same, over. */
    ListenerAlarm cleared() {
        return new ListenerAlarm(listener, kind, true, since, lasts, topic, partition, offset, text, "");
    }

    /** Tells alarms apart that may be on at the same time. */
    String key() {
        return kind + " " + topic + "-" + partition + "@" + offset;
    }
}
