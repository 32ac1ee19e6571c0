package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.Leave;
import io.github.kafkabackpressure.producer.KnownTopics.Presence;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Decides what becomes of records as they leave the buffer, by their topics: whose is there is taken, whose is not is set
 * aside. To look at a topic is foreign code, which nobody may wait for with the buffer's lock in hand. So it is looked at
 * outside the lock: topics of the last time before the next, and a new one when the buffer has stopped at it.
 *
 * <p>Threading: the sender's; {@link #apply} under the buffer's lock.
 */
final class TopicsAhead<K, V> implements Function<PendingSend<K, V>, Leave> {

    /**
     * For so long a topic is looked at again before a record of it is there. To look is to ask the cluster for it, which may
     * make a topic anew that was deleted.
     */
    private static final long LASTS_MILLIS = 1000;

    private final KnownTopics topics;
    private final AbsentTopics<K, V> absent;

    private final Map<String, Look> looks = new HashMap<>();

    /** The topic of the record before: most often that of the next, too. */
    private @Nullable String last;

    private Leave lastAnswer = Leave.NOT_YET;

    /** Where the buffer has stopped. */
    private @Nullable String next;

    /** What a look has found, and whether a record has asked since. */
    private static final class Look {

        private Leave answer;

        private long atMillis;

        private boolean used = true;

        private Look(Leave answer, long atMillis) {
            this.answer = answer;
            this.atMillis = atMillis;
        }
    }

    TopicsAhead(KnownTopics topics, AbsentTopics<K, V> absent) {
        this.topics = topics;
        this.absent = absent;
    }

    @Override
    public Leave apply(PendingSend<K, V> send) {
        String topic = send.record.topic();
        if (topic.equals(last)) {
            return lastAnswer;
        }
        Look look = looks.get(topic);
        if (look == null) {
            next = topic;
            return Leave.NOT_YET;
        }
        look.used = true;
        last = topic;
        lastAnswer = look.answer;
        return look.answer;
    }

    /** Looks at the topics of the last time again, if that was just before. */
    void lookAgain(long nowMillis) {
        last = null;
        next = null;
        for (Iterator<Map.Entry<String, Look>> all = looks.entrySet().iterator(); all.hasNext(); ) {
            Map.Entry<String, Look> one = all.next();
            Look look = one.getValue();
            if (look.used && Math.abs(nowMillis - look.atMillis) < LASTS_MILLIS) {
                look.used = false;
                look.answer = look(one.getKey(), nowMillis);
                look.atMillis = nowMillis;
            } else {
                all.remove();
            }
        }
    }

    /** Whether the buffer has stopped at a record whose topic is still to be looked at. */
    boolean hasStopped() {
        return next != null;
    }

    /** Looks at the topic of the record at which the buffer has stopped. Returns false if it has not stopped at one. */
    boolean lookAtNext(long nowMillis) {
        String topic = next;
        next = null;
        if (topic == null) {
            return false;
        }
        looks.put(topic, new Look(look(topic, nowMillis), nowMillis));
        return true;
    }

    private Leave look(String topic, long nowMillis) {
        try {
            boolean missing = absent.holds(topic) || topics.of(topic, null, nowMillis) == Presence.NO_TOPIC;
            return missing ? Leave.ASIDE : Leave.TAKEN;
        } catch (Error e) {
            return Leave.TAKEN; // with the same, its hand-over ends the record
        }
    }
}
