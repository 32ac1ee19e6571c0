package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.producer.AbsentTopics.Absent;
import io.github.kafkabackpressure.producer.KnownTopics.Presence;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * Looks for the topics that records wait aside for: hands them over when there is one, and ends them when their time is
 * up.
 *
 * <p>Threading: the sender's; the thread of a shutdown says when the end is awaited.
 */
final class AbsentSends<K, V> {

    /** A topic that the cluster did not know so long before a shutdown is not there. */
    private static final long ANSWER_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final AbsentTopics<K, V> absent;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final KnownTopics topics;
    private final SendCompletion<K, V> completion;
    private final SenderHand<K, V> hand;
    private final long metadataWaitNanos;
    private final BooleanSupplier isCut;

    /** Since when a shutdown waits for the end; written before {@link #hopelessAt}. */
    private volatile long endAwaitedSince;

    /** From when on a shutdown waits no longer for topics that are not there. */
    private volatile long hopelessAt;

    private volatile boolean endAwaited;

    AbsentSends(
            AbsentTopics<K, V> absent,
            BoundedBuffer<PendingSend<K, V>> buffer,
            KnownTopics topics,
            SendCompletion<K, V> completion,
            SenderHand<K, V> hand,
            long metadataWaitNanos,
            BooleanSupplier isCut) {
        this.absent = absent;
        this.buffer = buffer;
        this.topics = topics;
        this.completion = completion;
        this.hand = hand;
        this.metadataWaitNanos = metadataWaitNanos;
        this.isCut = isCut;
    }

    boolean isEmpty() {
        return absent.isEmpty();
    }

    /** How long until it is time to look; {@link Long#MAX_VALUE} if nothing waits. */
    long nanosUntilLook(long now) {
        return absent.nanosUntilDue(now);
    }

    /** A shutdown waits for the end: what is not there is waited for until this time only. */
    void endIsAwaited(long since, long until) {
        endAwaitedSince = since;
        hopelessAt = until;
        endAwaited = true;
    }

    /**
     * Looks for those that it is time for.
     *
     * @param atOnce hand over at once at most
     */
    void look(long now, int atOnce) {
        for (Absent<K, V> topic : absent.due(now)) {
            if (isCut.getAsBoolean()) {
                return;
            }
            if (topics.look(topic.name, null, System.currentTimeMillis()) != Presence.NO_TOPIC) {
                handOverFound(topic, now, atOnce);
            } else if (endAwaited && isHopeless(topic, now)) {
                takeOut(topic).forEach(completion::giveUp);
            } else if (now - topic.since >= metadataWaitNanos) {
                fail(topic);
            } else {
                topic.lookAgainLater(now);
            }
        }
    }

    private void handOverFound(Absent<K, V> topic, long now, int atOnce) {
        int places = hand.acquirePlaces(Math.min(topic.size(), atOnce));
        List<PendingSend<K, V>> next = new ArrayList<>(places);
        int taken = buffer.takeFromAside(topic.poll(places), next);
        hand.releasePlaces(places - taken);
        hand.handOverFound(next);
        if (topic.size() == 0) {
            absent.remove(topic);
        } else if (places == 0) {
            topic.lookAgainSoon(now);
        }
    }

    /** Whether a shutdown has waited for it for its share, and it is the topic that is missing and not the cluster. */
    private boolean isHopeless(Absent<K, V> topic, long now) {
        return now - hopelessAt >= 0
                && topics.clusterAnsweredWithin(
                        TimeUnit.NANOSECONDS.toMillis(now - Math.max(topic.since, endAwaitedSince - ANSWER_NANOS)));
    }

    private void fail(Absent<K, V> topic) {
        TimeoutException failure = new TimeoutException("Topic " + topic.name + " is not present in metadata after "
                + TimeUnit.NANOSECONDS.toMillis(metadataWaitNanos) + " ms");
        takeOut(topic).forEach(send -> completion.completed(send, null, failure));
    }

    private List<PendingSend<K, V>> takeOut(Absent<K, V> topic) {
        List<PendingSend<K, V>> all = new ArrayList<>();
        buffer.takeFromAside(topic.poll(Integer.MAX_VALUE), all);
        absent.remove(topic);
        buffer.handedOver(all.size());
        return all;
    }
}
