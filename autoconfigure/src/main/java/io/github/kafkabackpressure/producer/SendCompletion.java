package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import io.micrometer.observation.Observation;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.support.SendResult;

/**
 * Ends every send in exactly one outcome: on its future, in the counters, in its observation and to the listeners.
 * Keeps what a shutdown could not deliver until it is known whether the store takes it. Nothing that foreign code throws
 * gets past it, {@code Error}s included.
 *
 * <p>Threading: any thread completes or refuses; the thread of a shutdown gives up and ends.
 */
final class SendCompletion<K, V> implements PendingSend.Answered<K, V> {

    private static final Log logger = LogFactory.getLog(SendCompletion.class);

    private final String name;
    private final Refusals refusals;
    private final Surroundings<K, V> surroundings;
    private final UndeliveredSends<K, V> undelivered;
    private final boolean numbered;
    private final Pace pace;
    private final InFlightWindow window;
    private final RecordSizer sizer = new RecordSizer();
    private final SendTally tally = new SendTally();
    private final KnownTopics topics;
    private final ProducerStop stop;
    private final LongConsumer placeFreed;
    private final LongSupplier nanoTime;
    private final AtomicLong order = new AtomicLong();

    /**
     * Those in flight for which a shutdown must not rely on their producer's answer. Where there is a store all of them, because a
     * producer cannot be closed while its thread is busy in a callback; else those of transactions, whose producers nobody
     * but the transaction can close.
     */
    private final Set<PendingSend<K, V>> inFlight = ConcurrentHashMap.newKeySet();

    /** Why a shutdown could not deliver, in words; set before what it gave up is ended. */
    private volatile String why = "";

    /** @param placeFreed told how many places the window has got back, after each */
    SendCompletion(
            String name,
            ProducerOptions options,
            Surroundings<K, V> surroundings,
            @Nullable UndeliveredStore<K, V> store,
            Pace pace,
            InFlightWindow window,
            KnownTopics topics,
            ProducerStop stop,
            LongConsumer placeFreed,
            LongSupplier nanoTime) {
        this.name = name;
        this.refusals = new Refusals(name, options);
        this.surroundings = surroundings;
        this.undelivered = new UndeliveredSends<>(name, store);
        this.numbered = store != null;
        this.pace = pace;
        this.window = window;
        this.topics = topics;
        this.stop = stop;
        this.placeFreed = placeFreed;
        this.nanoTime = nanoTime;
    }

    SendTally tally() {
        return tally;
    }

    RecordSizer sizer() {
        return sizer;
    }

    /** Where there is a store, the record is numbered: it may have to be kept in its place among the others. */
    void given(PendingSend<K, V> send) {
        if (numbered) {
            send.order = order.incrementAndGet();
        }
    }

    /** The record is about to be handed over: from now on it is in flight. */
    void begins(PendingSend<K, V> send) {
        send.inFlight = true;
        if (numbered) {
            send.headersBefore = send.record.headers().toArray();
        }
        if (numbered || !send.keepable) {
            inFlight.add(send);
            // A shutdown may have ended it before, and looked for it in vain.
            if (send.hasEnded()) {
                inFlight.remove(send);
            }
        }
        if (pace.observes()) {
            send.handedOverNanos = nanoTime.getAsLong();
            send.timed = true;
        }
    }

    /** As {@link #begins}, in a transaction: one that does not commit is nothing to send again. */
    void beginsInTransaction(PendingSend<K, V> send) {
        send.keepable = false;
        begins(send);
    }

    @Override
    public void completed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, @Nullable Exception failure) {
        if (pace.observes()) {
            long now = nanoTime.getAsLong();
            if (send.timed) {
                pace.acknowledged(now - send.handedOverNanos);
            }
            pace.step(now, window.inFlight());
        }
        OwnPlace place = OwnPlace.current();
        Object before = place.left(this);
        try {
            if (failure == null && metadata != null) {
                delivered(send, metadata);
            } else {
                failed(
                        send,
                        metadata,
                        failure == null ? new IllegalStateException("Kafka gave neither result nor failure") : failure);
            }
        } finally {
            place.left(before);
        }
    }

    private void delivered(PendingSend<K, V> send, RecordMetadata metadata) {
        sizer.learn(metadata);
        if (!end(send, SendOutcome.DELIVERED)) {
            return;
        }
        send.future.complete(new SendResult<>(send.record, metadata));
        observed(send, null);
        try {
            surroundings.delivered(send.record, metadata);
        } catch (Throwable e) {
            listenerFailed(e);
        }
    }

    private void failed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, Exception cause) {
        send.failure = cause;
        if (cause instanceof RetriableException) {
            topics.forget(send.record.topic());
        }
        if (isForTheStore(cause)) {
            undelivered(send);
            return;
        }
        SendOutcome outcome = cause instanceof InterruptException ? SendOutcome.INTERRUPTED : SendOutcome.FAILED;
        if (!end(send, outcome)) {
            return;
        }
        KafkaProducerException exception = outcome == SendOutcome.INTERRUPTED
                ? new RecordNotSentException(send.record, outcome, "Interrupted while it was handed to Kafka", cause)
                : new KafkaProducerException(send.record, "Failed to send", cause);
        endExceptionally(send, exception);
        tellOfFailure(send, metadata, cause);
    }

    /** During a shutdown, what time was too short for is not a failure of the record. */
    private boolean isForTheStore(Exception cause) {
        return switch (stop.stage()) {
            case OPEN -> false;
            case CLOSING -> cause instanceof InterruptException || (numbered && cause instanceof RetriableException);
            case GIVING_UP, OVER -> true;
        };
    }

    /** The template itself does not send it. */
    CompletableFuture<SendResult<K, V>> refuse(PendingSend<K, V> send, SendOutcome outcome) {
        if (end(send, outcome)) {
            endExceptionally(send, refusals.of(send.record, outcome, why));
        }
        return send.future;
    }

    /** It was accepted, and will not be handed over any more. */
    void giveUp(PendingSend<K, V> send) {
        undelivered(send);
    }

    private void undelivered(PendingSend<K, V> send) {
        undelivered.add(send);
        // Looked at after it was added: either this sees that the shutdown is over, or the shutdown sees the record.
        if (stop.stage() == ProducerStop.Stage.OVER) {
            endAll(undelivered.drain(), Set.of());
        }
    }

    /** Counts the outcome and frees the place, unless that has been done. */
    private boolean end(PendingSend<K, V> send, SendOutcome outcome) {
        if (!send.end()) {
            return false;
        }
        tally.ended(outcome, send.record.topic(), !stop.isOpen());
        if (numbered || !send.keepable) {
            inFlight.remove(send);
        }
        if (send.inFlight) {
            placeFreed.accept(window.release());
        }
        return true;
    }

    private void endExceptionally(PendingSend<K, V> send, Exception exception) {
        send.future.completeExceptionally(exception);
        observed(send, exception);
    }

    private void tellOfFailure(PendingSend<K, V> send, @Nullable RecordMetadata metadata, Exception failure) {
        try {
            surroundings.failed(send.record, metadata, failure);
        } catch (Throwable e) {
            listenerFailed(e);
        }
    }

    private void observed(PendingSend<K, V> send, @Nullable Exception failure) {
        Observation observation = send.observation;
        if (observation == null) {
            return;
        }
        try {
            if (failure != null) {
                observation.error(failure);
            }
            observation.stop();
        } catch (Throwable e) {
            listenerFailed(e);
        }
    }

    private void listenerFailed(Throwable failure) {
        logger.warn("A listener of '" + name + "' failed", failure);
    }

    // Shutdown: on its thread.

    /**
     * Ends every send that was given up, and those in flight that are known; keeps what can be kept. To be called again once
     * it is over, for what was given up in between.
     *
     * @param reason why they were not delivered, in words
     */
    void endUndelivered(String reason) {
        why = reason;
        inFlight.forEach(undelivered::add);
        List<PendingSend<K, V>> all = undelivered.drain();
        endAll(all, undelivered.keep(all));
    }

    /** How many of those that were given up and have not been ended hold a place in the window. */
    int givenUpInFlight() {
        return undelivered.inFlight();
    }

    private void endAll(List<PendingSend<K, V>> sends, Set<PendingSend<K, V>> kept) {
        for (PendingSend<K, V> send : sends) {
            SendOutcome outcome = kept.contains(send) ? SendOutcome.SPOOLED : SendOutcome.NOT_DELIVERED;
            if (end(send, outcome)) {
                RecordNotSentException exception = refusals.of(send.record, outcome, why);
                endExceptionally(send, exception);
                if (outcome == SendOutcome.NOT_DELIVERED) {
                    tellOfUndelivered(send, exception);
                }
            }
        }
    }

    private void tellOfUndelivered(PendingSend<K, V> send, RecordNotSentException exception) {
        try {
            surroundings.undelivered(send.record, exception);
        } catch (Throwable e) {
            listenerFailed(e);
        }
    }
}
