package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.InFlightWindow;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.KafkaProducerException;
import org.springframework.kafka.support.SendResult;

/**
 * Sends as part of the calling thread's transaction: to its producer and at once, because the record must be there
 * before the transaction ends. Counts in the window, but does not wait for it.
 *
 * <p>Threading: the thread of the transaction.
 */
@SuppressWarnings("FutureReturnValueIgnored") // How a send ends reaches the callback, whatever the futures say.
final class TransactionSends<K, V> {

    private final ProducerStop stop;
    private final Turns turns;
    private final InFlightWindow window;
    private final SendCompletion<K, V> completion;

    TransactionSends(ProducerStop stop, Turns turns, InFlightWindow window, SendCompletion<K, V> completion) {
        this.stop = stop;
        this.turns = turns;
        this.window = window;
        this.completion = completion;
    }

    /**
     * Sends with the transaction's producer.
     *
     * @throws KafkaProducerException if the record does not get as far as the producer: nothing else would keep the
     *     transaction from committing without it
     */
    CompletableFuture<SendResult<K, V>> send(PendingSend<K, V> send, Producer<K, V> producer) {
        SendOutcome refusal = enter(send);
        if (refusal != null) {
            completion.refuse(send, refusal);
        } else {
            completion.tally().accepted();
            completion.beginsInTransaction(send);
            try {
                producer.send(send.record, send);
            } catch (Throwable e) {
                completion.completed(send, null, HandOver.asException(e));
            }
        }
        Exception failure = send.failure;
        if (send.future.isCompletedExceptionally()
                && send.future.handle((result, thrown) -> thrown).join() instanceof KafkaProducerException thrown) {
            throw thrown;
        }
        if (failure != null) {
            // A shutdown is under way, and has yet to end it.
            throw new KafkaProducerException(send.record, "Failed to send", failure);
        }
        return send.future;
    }

    /** Takes a place in the window, after the wait for the turn; says what keeps the record from there. */
    private @Nullable SendOutcome enter(PendingSend<K, V> send) {
        if (!stop.isOpen()) {
            return SendOutcome.CLOSED;
        }
        SendOutcome refusal = turns.areFor(send) ? turns.await() : null;
        if (refusal != null) {
            return refusal;
        }
        // Before the last look at the stage: the shutdown moves that before it looks at the window.
        window.acquireRegardless(1);
        if (!stop.isOpen()) {
            window.release(1);
            return SendOutcome.CLOSED;
        }
        return null;
    }
}
