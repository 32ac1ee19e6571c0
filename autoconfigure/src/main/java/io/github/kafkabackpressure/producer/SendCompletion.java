package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import io.github.kafkabackpressure.buffer.SlowMode;
import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import io.micrometer.observation.Observation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
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
 * Keeps what a shutdown could not deliver until it is known whether the store takes it.
 *
 * <p>Threading: any thread completes or refuses; the thread of a shutdown moves the stage.
 */
final class SendCompletion<K, V> {

    private static final Log logger = LogFactory.getLog(SendCompletion.class);

    /** How long the store may take at the end of a shutdown: a serializer or a disk that hangs must not hold it up. */
    private static final int KEEP_SECONDS = 5;

    /**
     * What a failure means now.
     *
     * <p>Legal moves: each to the next, {@code CLOSING} to {@code OVER}, and any to {@code SENDING} when the template
     * opens again.
     */
    private enum Stage {

        /** The record has failed. */
        SENDING,

        /** The intake is closed: what only time was too short for is a case for the store, the rest has failed. */
        CLOSING,

        /** The time is up: whatever fails was not delivered. */
        GIVING_UP,

        /** The shutdown has ended all that it knew of: what still fails was not delivered, and is ended at once. */
        OVER
    }

    private final String name;
    private final Refusals refusals;
    private final Surroundings<K, V> surroundings;
    private final @Nullable UndeliveredStore<K, V> store;
    private final @Nullable SlowMode slowMode;
    private final InFlightWindow window;
    private final RecordSizer sizer;
    private final SendTally tally;
    private final LongConsumer placeFreed;
    private final LongSupplier nanoTime;
    private final AtomicLong order = new AtomicLong();

    /** Those in flight that a producer holds which nobody but its transaction can close. */
    private final Set<PendingSend<K, V>> inTransactions = ConcurrentHashMap.newKeySet();

    /** What a shutdown could not deliver. */
    private final Queue<PendingSend<K, V>> undelivered = new ConcurrentLinkedQueue<>();

    private volatile Stage stage = Stage.SENDING;

    /** @param placeFreed told how many places the window has got back, after each */
    SendCompletion(
            String name,
            ProducerOptions options,
            Surroundings<K, V> surroundings,
            @Nullable UndeliveredStore<K, V> store,
            @Nullable SlowMode slowMode,
            InFlightWindow window,
            RecordSizer sizer,
            SendTally tally,
            LongConsumer placeFreed,
            LongSupplier nanoTime) {
        this.name = name;
        this.refusals = new Refusals(name, options);
        this.surroundings = surroundings;
        this.store = store;
        this.slowMode = slowMode;
        this.window = window;
        this.sizer = sizer;
        this.tally = tally;
        this.placeFreed = placeFreed;
        this.nanoTime = nanoTime;
    }

    /** The record is about to be handed over: from now on it is in flight. */
    void begins(PendingSend<K, V> send) {
        send.inFlight = true;
        if (store != null) {
            number(send);
            send.headersBefore = send.record.headers().toArray();
        }
        if (slowMode != null) {
            send.handedOverNanos = nanoTime.getAsLong();
            send.timed = true;
        }
    }

    /** As {@link #begins}, in a transaction: one that does not commit is nothing to send again. */
    void beginsInTransaction(PendingSend<K, V> send) {
        send.keepable = false;
        inTransactions.add(send);
        begins(send);
    }

    /** Kafka has answered, or its producer has refused the record. */
    void completed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, @Nullable Exception failure) {
        if (slowMode != null) {
            long now = nanoTime.getAsLong();
            if (send.timed) {
                slowMode.acknowledged(now - send.handedOverNanos);
            }
            slowMode.step(now, window.inFlight());
        }
        if (failure == null && metadata != null) {
            delivered(send, metadata);
        } else {
            failed(
                    send,
                    metadata,
                    failure == null ? new IllegalStateException("Kafka gave neither result nor failure") : failure);
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
        } catch (RuntimeException e) {
            listenerFailed(e);
        }
    }

    private void failed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, Exception cause) {
        send.failure = cause;
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
        return switch (stage) {
            case SENDING -> false;
            case CLOSING ->
                cause instanceof InterruptException || (store != null && cause instanceof RetriableException);
            case GIVING_UP, OVER -> true;
        };
    }

    /** The template itself does not send it. */
    CompletableFuture<SendResult<K, V>> refuse(PendingSend<K, V> send, SendOutcome outcome) {
        if (end(send, outcome)) {
            endExceptionally(send, refusals.of(send.record, outcome));
        }
        return send.future;
    }

    /** It was accepted, and will not be handed over any more. */
    void giveUp(PendingSend<K, V> send) {
        undelivered(send);
    }

    private void undelivered(PendingSend<K, V> send) {
        number(send);
        undelivered.add(send);
        // Looked at after it was added: either this sees that the shutdown is over, or the shutdown sees the record.
        if (stage == Stage.OVER) {
            endAll(drain(), Set.of());
        }
    }

    /**
     * Whoever is handed over has a number; whoever is refused or given up without that gets one then, as that, too, goes
     * in order.
     */
    private void number(PendingSend<K, V> send) {
        if (store != null && send.order == 0) {
            send.order = order.incrementAndGet();
        }
    }

    /** Counts the outcome and frees the place, unless that has been done. */
    private boolean end(PendingSend<K, V> send, SendOutcome outcome) {
        if (!send.end()) {
            return false;
        }
        tally.ended(outcome, send.record.topic());
        if (!send.keepable) {
            inTransactions.remove(send);
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
        } catch (RuntimeException e) {
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
        } catch (RuntimeException e) {
            listenerFailed(e);
        }
    }

    private void listenerFailed(RuntimeException failure) {
        logger.warn("A listener of '" + name + "' failed", failure);
    }

    // Shutdown: on its thread, in this order.

    /** The intake is closed, and all that was accepted is being handed over. */
    void closing() {
        stage = Stage.CLOSING;
    }

    /** The time is up. */
    void givingUp() {
        stage = Stage.GIVING_UP;
        inTransactions.forEach(this::giveUp);
    }

    /** Ends every send that was given up; keeps what can be kept. */
    void over() {
        List<PendingSend<K, V>> all = drain();
        endAll(all, keep(all));
        stage = Stage.OVER;
        endAll(drain(), Set.of());
    }

    /** Whether a shutdown has ended all that it knew of. */
    boolean isOver() {
        return stage == Stage.OVER;
    }

    /** How many of those that were given up and have not been ended hold a place in the window. */
    int givenUpInFlight() {
        return (int) undelivered.stream()
                .filter(send -> send.inFlight && !send.hasEnded())
                .distinct()
                .count();
    }

    /** The template takes records again. */
    void reopen() {
        stage = Stage.SENDING;
    }

    private List<PendingSend<K, V>> drain() {
        List<PendingSend<K, V>> all = new ArrayList<>();
        for (PendingSend<K, V> send = undelivered.poll(); send != null; send = undelivered.poll()) {
            if (!send.hasEnded()) {
                all.add(send);
            }
        }
        all.sort(Comparator.comparingLong(send -> send.order));
        return all;
    }

    private void endAll(List<PendingSend<K, V>> sends, Set<PendingSend<K, V>> kept) {
        for (PendingSend<K, V> send : sends) {
            SendOutcome outcome = kept.contains(send) ? SendOutcome.SPOOLED : SendOutcome.NOT_DELIVERED;
            if (end(send, outcome)) {
                RecordNotSentException exception = refusals.of(send.record, outcome);
                endExceptionally(send, exception);
                if (outcome != SendOutcome.SPOOLED) {
                    tellOfFailure(send, null, exception);
                }
            }
        }
    }

    /** On a thread of its own, because serializers and disks may hang. */
    private Set<PendingSend<K, V>> keep(List<PendingSend<K, V>> sends) {
        UndeliveredStore<K, V> keeper = store;
        List<PendingSend<K, V>> keepable =
                sends.stream().filter(send -> send.keepable).distinct().toList();
        if (keeper == null || keepable.isEmpty()) {
            return Set.of();
        }
        // Who sets it decides whether they are kept: whoever hears that they are not may send them again.
        AtomicBoolean decided = new AtomicBoolean();
        FutureTask<Set<PendingSend<K, V>>> keeping =
                new FutureTask<>(() -> keeper.keep(keepable, () -> decided.compareAndSet(false, true)));
        Thread thread = new Thread(keeping, "kafka-backpressure-spool-" + name);
        thread.setDaemon(true);
        thread.start();
        try {
            try {
                return keeping.get(KEEP_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                if (!decided.compareAndSet(false, true)) {
                    return keeping.get(); // all that is left is to name the file
                }
                keeping.cancel(true);
                logger.error(keepable.size() + " undelivered records of '" + name + "' could not be kept within "
                        + KEEP_SECONDS + " s");
            }
        } catch (ExecutionException e) {
            logger.error(keepable.size() + " undelivered records of '" + name + "' could not be kept", e.getCause());
        } catch (InterruptedException e) {
            decided.set(true);
            keeping.cancel(true);
            Thread.currentThread().interrupt();
        }
        return Set.of();
    }
}
