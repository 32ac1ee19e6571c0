package io.github.kafkabackpressure.producer;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Records whose topic has no metadata yet. They wait aside, in their order, until it has or their time is up, and hold
 * up no other topic's.
 *
 * <p>Threading: the sender's.
 */
final class AbsentTopics<K, V> {

    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Map<String, Absent<K, V>> topics = new LinkedHashMap<>();

    boolean isEmpty() {
        return topics.isEmpty();
    }

    boolean holds(String topic) {
        return !topics.isEmpty() && topics.containsKey(topic);
    }

    void add(PendingSend<K, V> send, long now) {
        topics.computeIfAbsent(send.record.topic(), name -> new Absent<>(name, now))
                .sends
                .add(send);
    }

    /** Those that it is time to look for. */
    List<Absent<K, V>> due(long now) {
        List<Absent<K, V>> due = new ArrayList<>();
        for (Absent<K, V> topic : topics.values()) {
            if (topic.lookAt - now <= 0) {
                due.add(topic);
            }
        }
        return due;
    }

    void remove(Absent<K, V> topic) {
        topics.remove(topic.name);
    }

    void clear() {
        topics.clear();
    }

    /** {@link Long#MAX_VALUE} if there is none. */
    long nanosUntilDue(long now) {
        long until = Long.MAX_VALUE;
        for (Absent<K, V> topic : topics.values()) {
            until = Math.min(until, Math.max(0, topic.lookAt - now));
        }
        return until;
    }

    /** One topic. */
    static final class Absent<K, V> {

        final String name;

        /** Since when it is waited for. */
        final long since;

        private final Deque<PendingSend<K, V>> sends = new ArrayDeque<>();

        private long lookAt;
        private long pause = SHORTEST_PAUSE_NANOS;

        private Absent(String name, long now) {
            this.name = name;
            this.since = now;
            this.lookAt = now + pause;
        }

        int size() {
            return sends.size();
        }

        List<PendingSend<K, V>> poll(int max) {
            List<PendingSend<K, V>> polled = new ArrayList<>();
            while (polled.size() < max && !sends.isEmpty()) {
                polled.add(sends.remove());
            }
            return polled;
        }

        void lookAgainLater(long now) {
            pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
            lookAt = now + pause;
        }

        void lookAgainSoon(long now) {
            lookAt = now + SHORTEST_PAUSE_NANOS;
        }
    }
}
