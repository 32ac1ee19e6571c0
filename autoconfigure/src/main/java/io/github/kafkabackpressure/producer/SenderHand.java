package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.BoundedBuffer;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.buffer.Leave;
import io.github.kafkabackpressure.producer.KnownTopics.Presence;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What the sender has taken and is handing over, one by one. Whoever takes it from here sees to what is left of it.
 *
 * <p>Foreign code may hang until the buffer has been opened again for another sender. So nothing is taken out of the buffer
 * while a topic is looked at, and whether this sender is cut is asked under the buffer's lock: it always is before the buffer is opened again.
 *
 * <p>Threading: the sender hands over; the thread of a shutdown cuts short and gives up.
 */
final class SenderHand<K, V> {

    private static final Log logger = LogFactory.getLog(SenderHand.class);

    /** Topics of which a missing partition is remembered. */
    private static final int MOST = 1000;

    /** What {@link #take} says when there was no place in the window. */
    static final int NO_PLACE = -1;

    private final String name;
    private final BoundedBuffer<PendingSend<K, V>> buffer;
    private final InFlightWindow window;
    private final KnownTopics topics;
    private final SendCompletion<K, V> completion;
    private final HandOver<K, V> handOver;
    private final AbsentTopics<K, V> absent;
    private final LongSupplier nanoTime;
    private final BooleanSupplier isCut;
    private final ProducerStop stop;
    private final Predicate<PendingSend<K, V>> isMeant;

    /** What becomes of a record as it leaves the buffer; a record of a later opening stays. */
    private final Function<PendingSend<K, V>, Leave> leave;

    private final AtomicReference<@Nullable List<PendingSend<K, V>>> inHand = new AtomicReference<>();

    /** How many of these are handed over. */
    private final AtomicInteger handedOver = new AtomicInteger();

    // The sender's own.

    /** What is known of the topics of what is to be taken. */
    private final TopicsAhead<K, V> ahead;

    /** Whether the last take has found fewer records than there were places. */
    private boolean ranDry;

    /** Until when a hand-over waited in vain for a partition of a topic: who was accepted before has waited, too. */
    private final Map<String, Long> waitedForPartition = new HashMap<>();

    /** Whether a shutdown has waited in vain for a partition: it has no time for a second one. */
    private boolean noMorePartitions;

    // The shutdown's own.
    private @Nullable PendingSend<K, V> watched;
    private long watchedSince;

    /** Whose hand-over a shutdown has ended by an interrupt. */
    private volatile @Nullable PendingSend<K, V> cutShort;

    SenderHand(
            String name,
            BoundedBuffer<PendingSend<K, V>> buffer,
            InFlightWindow window,
            KnownTopics topics,
            SendCompletion<K, V> completion,
            HandOver<K, V> handOver,
            AbsentTopics<K, V> absent,
            LongSupplier nanoTime,
            BooleanSupplier isCut,
            ProducerStop stop) {
        this.name = name;
        this.buffer = buffer;
        this.window = window;
        this.topics = topics;
        this.completion = completion;
        this.handOver = handOver;
        this.absent = absent;
        this.ahead = new TopicsAhead<>(topics, absent);
        this.nanoTime = nanoTime;
        this.isCut = isCut;
        this.stop = stop;
        this.isMeant = send -> isCut.getAsBoolean() || send == cutShort;
        this.leave = send -> isCut.getAsBoolean() ? Leave.NOT_YET : ahead.apply(send);
    }

    /**
     * Takes places in the window, so many at most. A shutdown does not wait for acknowledgements before it hands over the
     * rest: Kafka's own buffer bounds it.
     */
    int acquirePlaces(int wanted) {
        if (stop.isOpen()) {
            return window.tryAcquire(wanted);
        }
        window.acquireRegardless(wanted);
        return wanted;
    }

    /** Gives places back for which there were no records. */
    void releasePlaces(int unused) {
        window.release(unused);
    }

    /**
     * Takes up to so many records out of the buffer, as many as there are places in the window. Of these, it sets aside whose
     * topic is not there: their room in the buffer stays theirs.
     *
     * @param into where those to be handed over are added; each has a place
     * @return how many were taken, those set aside included; or {@link #NO_PLACE}
     */
    int take(List<PendingSend<K, V>> into, int wanted) {
        if (stop.isOpen() && window.free() <= 0) {
            return NO_PLACE;
        }
        long nowMillis = System.currentTimeMillis();
        List<PendingSend<K, V>> aside = new ArrayList<>(0);
        ahead.lookAgain(nowMillis);
        int left = takeKnown(into, wanted, aside);
        // Only with no record and no place in hand: a look is foreign code, which may throw or hang.
        while (left == 0 && ahead.lookAtNext(nowMillis)) {
            left = takeKnown(into, wanted, aside);
        }
        if (!aside.isEmpty()) {
            long now = nanoTime.getAsLong();
            aside.forEach(send -> absent.add(send, now));
        }
        return left;
    }

    private int takeKnown(List<PendingSend<K, V>> into, int wanted, List<PendingSend<K, V>> aside) {
        int places = acquirePlaces(wanted);
        if (places == 0) {
            return NO_PLACE;
        }
        try {
            int left = buffer.take(into, places, leave, aside);
            ranDry = left < places && !ahead.hasStopped();
            return left;
        } finally {
            window.release(places - into.size());
        }
    }

    /** Whether the last {@link #take} has ended because nothing more waits. */
    boolean ranDry() {
        return ranDry;
    }

    /** What waits must not be sent: it is given up. Unless a shutdown does that, or has. */
    void giveUpWhatWaits() {
        List<PendingSend<K, V>> all = new ArrayList<>();
        buffer.take(all, Integer.MAX_VALUE, send -> isCut.getAsBoolean() ? Leave.NOT_YET : Leave.TAKEN, List.of());
        all.forEach(completion::giveUp);
        buffer.handedOver(all.size());
    }

    /** Hands these over, or sets them aside if their topic has gone. Each has a place in the window. */
    void handOver(List<PendingSend<K, V>> hand) {
        handOver(hand, true);
    }

    /** As {@link #handOver}, of a topic that was set aside and has been found. */
    void handOverFound(List<PendingSend<K, V>> hand) {
        handOver(hand, false);
    }

    private void handOver(List<PendingSend<K, V>> hand, boolean mayBeAbsent) {
        // From now on a place is its record's: whoever ends that gives it back.
        hand.forEach(send -> send.inFlight = true);
        handedOver.set(0);
        inHand.set(hand);
        long now = System.currentTimeMillis();
        int done = 0;
        while (done < hand.size() && !isCut.getAsBoolean() && handOver(hand, hand.get(done), mayBeAbsent, now)) {
            handedOver.lazySet(++done);
            // An interrupt from within a hand-over was meant for that, at most; the next must not end at once.
            Thread.interrupted();
        }
        if (inHand.compareAndSet(hand, null)) {
            giveUp(hand, done);
        }
    }

    /** Says whether it has seen to the record; not if it was cut before. */
    private boolean handOver(
            List<PendingSend<K, V>> hand, PendingSend<K, V> send, boolean mayBeAbsent, long nowMillis) {
        String topic = send.record.topic();
        Presence presence = mayBeAbsent && absent.holds(topic)
                ? Presence.NO_TOPIC
                : topics.of(topic, send.record.partition(), nowMillis);
        if (isCut.getAsBoolean()) {
            return false; // The look may have taken its time.
        }
        if (presence == Presence.NO_TOPIC && mayBeAbsent) {
            return setAside(hand, send);
        }
        if (presence == Presence.NO_PARTITION && refusedUntried(send)) {
            return true;
        }
        handOver.handOver(send, isMeant);
        Exception failure = send.failure;
        if (failure != null) {
            failed(send, presence, failure);
        }
        return true;
    }

    /** Meanwhile no shutdown finds the record in hand: it finds it aside, or this sender gives it up. */
    private boolean setAside(List<PendingSend<K, V>> hand, PendingSend<K, V> send) {
        if (!inHand.compareAndSet(hand, null)) {
            return false;
        }
        try {
            absent.add(send, nanoTime.getAsLong());
            send.inFlight = false;
            if (!buffer.setAside(send, isCut)) {
                send.inFlight = true;
                return false;
            }
            window.release(1);
            handedOver.lazySet(handedOver.get() + 1);
            return true;
        } finally {
            inHand.set(hand);
        }
    }

    private boolean refusedUntried(PendingSend<K, V> send) {
        String topic = send.record.topic();
        if (noMorePartitions && !stop.isOpen()) {
            completion.giveUp(send);
            return true;
        }
        Long waitedUntil = waitedForPartition.get(topic);
        if (waitedUntil == null || send.acceptedNanos() - waitedUntil >= 0) {
            return false;
        }
        completion.completed(
                send,
                null,
                new TimeoutException("Partition " + send.record.partition() + " of topic " + topic
                        + " is not present in metadata, nor was another for which this record has waited"));
        return true;
    }

    private void failed(PendingSend<K, V> send, Presence presence, Exception failure) {
        boolean cut = failure instanceof InterruptException && send == cutShort;
        // Kafka's memory is waited for as long as metadata.
        boolean timedOut = failure instanceof TimeoutException && !(failure instanceof BufferExhaustedException);
        if (!cut && !timedOut) {
            return;
        }
        topics.forget(send.record.topic());
        if (presence == Presence.NO_PARTITION) {
            noMorePartitions = noMorePartitions || !stop.isOpen();
            if (waitedForPartition.size() >= MOST) {
                waitedForPartition.clear();
            }
            waitedForPartition.put(send.record.topic(), nanoTime.getAsLong());
        }
    }

    /** What is left of it has failed, because the sender itself has. */
    void fail(Throwable cause) {
        List<PendingSend<K, V>> hand = inHand.getAndSet(null);
        if (hand == null) {
            return;
        }
        for (PendingSend<K, V> send : hand.subList(handedOver.get(), hand.size())) {
            completion.completed(send, null, new IllegalStateException("The sender has failed", cause));
        }
        buffer.handedOver(hand.size());
    }

    private void giveUp(List<PendingSend<K, V>> hand, int from) {
        hand.subList(from, hand.size()).forEach(completion::giveUp);
        buffer.handedOver(hand.size());
    }

    // For a shutdown.

    /**
     * Interrupts a hand-over that has taken so long and waits for a topic or partition that is not there. One that waits
     * for Kafka's memory, or hangs in foreign code, has the time that there is.
     */
    void cutShort(Thread sender, long nanos) {
        PendingSend<K, V> current = current();
        long now = nanoTime.getAsLong();
        if (current != watched) {
            watched = current;
            watchedSince = now;
            return;
        }
        if (current == null || current == cutShort || now - watchedSince < nanos) {
            return;
        }
        Presence presence = topics.look(current.record.topic(), current.record.partition(), System.currentTimeMillis());
        if (presence != Presence.KNOWN) {
            cutShort = current;
            sender.interrupt();
        }
    }

    private @Nullable PendingSend<K, V> current() {
        List<PendingSend<K, V>> hand = inHand.get();
        int index = handedOver.get();
        return hand == null || index >= hand.size() ? null : hand.get(index);
    }

    /** The sender has been cut, and has ended or hangs: what it held is given up. */
    void giveUp() {
        List<PendingSend<K, V>> hand = inHand.getAndSet(null);
        if (hand == null) {
            return;
        }
        int hanging = handedOver.get();
        if (hanging < hand.size()) {
            PendingSend<K, V> send = hand.get(hanging);
            logger.error("The hand-over of a record to topic " + send.record.topic() + " by '" + name
                    + "' hangs and does not end when it is interrupted");
            // What hangs in a serializer would hang there again when it was to be kept; not what hangs before.
            send.keepable = send.headersBefore == null;
            completion.giveUp(send);
        }
        giveUp(hand, Math.min(hanging + 1, hand.size()));
    }
}
