package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.producer.KnownTopics.Presence;
import java.util.function.Consumer;

/**
 * The way past the buffer: the caller's own thread hands its record to Kafka's producer.
 *
 * <p>Threading: callers; the thread of a shutdown looks for what they have in hand.
 */
final class CallersHandOver<K, V> {

    private final InFlightWindow window;
    private final ProducerStop stop;
    private final KnownTopics topics;
    private final HandOver<K, V> handOver;
    private final boolean copies;
    private final CallersHands<K, V> hands = new CallersHands<>();

    /** @param copies whether a record may have to be kept when its caller has changed what it gave */
    CallersHandOver(
            InFlightWindow window, ProducerStop stop, KnownTopics topics, HandOver<K, V> handOver, boolean copies) {
        this.window = window;
        this.stop = stop;
        this.topics = topics;
        this.handOver = handOver;
        this.copies = copies;
    }

    /**
     * Takes a place in the window for a record, if there is one and its topic is known: then {@link #handOver} must
     * follow.
     */
    boolean tryBegin(PendingSend<K, V> send) {
        if (window.tryAcquire(1) == 0) {
            return false;
        }
        // The place is taken before the look at the stage, and the shutdown moves that before it looks at the window:
        // one of the two sees the other.
        long now = System.currentTimeMillis();
        if (!stop.isOpen() || topics.of(send.record.topic(), send.record.partition(), now) != Presence.KNOWN) {
            window.release();
            return false;
        }
        if (copies) {
            send.copyRecord(now);
        }
        return true;
    }

    void handOver(PendingSend<K, V> send) {
        int slot = hands.enter(send);
        try {
            handOver.handOver(send, interrupted -> true);
        } finally {
            hands.leave(slot, send);
        }
    }

    /** What is being handed over right now. */
    void forEach(Consumer<PendingSend<K, V>> action) {
        hands.forEach(action);
    }
}
