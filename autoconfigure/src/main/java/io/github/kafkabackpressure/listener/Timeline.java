package io.github.kafkabackpressure.listener;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.listener.ListenerEvent.Kind;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The newest events of a listener. What happens over and over, as pauses do, is one event that grows.
 *
 * <p>Threading: any thread; few events a second, so a lock does no harm.
 */
final class Timeline {

    /** How many events are kept. */
    static final int MOST = 200;

    /** An event is taken for a further piece of the one before if that ended no longer ago. */
    private static final Duration GAP = Duration.ofSeconds(3);

    @GuardedBy("events") private final Deque<ListenerEvent> events = new ArrayDeque<>();

    @GuardedBy("events") private long sequence;

    void add(Kind kind, String reason, @Nullable TopicPartition partition, long count, long millis, String text) {
        Instant now = Instant.now();
        synchronized (events) {
            sequence++;
            events.addLast(new ListenerEvent(
                    sequence,
                    kind,
                    now,
                    now,
                    count,
                    millis,
                    reason,
                    partition == null ? null : partition.topic(),
                    partition == null ? -1 : partition.partition(),
                    text));
            if (events.size() > MOST) {
                events.removeFirst();
            }
        }
    }

    void add(Kind kind, String text) {
        add(kind, "", null, 1, 0, text);
    }

    /**
     * Adds what happened in the time until now to the event of the same kind and reason, if that has not ended yet.
     *
     * @param lasted how long that time is
     * @param count how often it happened in it
     * @param millis for how much of it, in milliseconds
     */
    void extend(Kind kind, String reason, Duration lasted, long count, long millis) {
        Instant now = Instant.now();
        synchronized (events) {
            for (Iterator<ListenerEvent> newest = events.descendingIterator(); newest.hasNext(); ) {
                ListenerEvent event = newest.next();
                if (event.kind() == kind && event.reason().equals(reason)) {
                    if (event.until().plus(GAP).isBefore(now.minus(lasted))) {
                        break;
                    }
                    replace(event, now, count, millis);
                    return;
                }
            }
            add(kind, reason, null, count, millis, "");
        }
    }

    @GuardedBy("events") private void replace(ListenerEvent event, Instant until, long count, long millis) {
        List<ListenerEvent> all = List.copyOf(events);
        events.clear();
        for (ListenerEvent each : all) {
            events.addLast(
                    each != event
                            ? each
                            : new ListenerEvent(
                                    event.sequence(),
                                    event.kind(),
                                    event.at(),
                                    until,
                                    event.count() + count,
                                    event.millis() + millis,
                                    event.reason(),
                                    event.topic(),
                                    event.partition(),
                                    event.text()));
        }
    }

    /** The events that are kept, the oldest first. */
    List<ListenerEvent> events() {
        synchronized (events) {
            return List.copyOf(events);
        }
    }
}
