package io.github.kafkabackpressure.producer;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.errors.InterruptException;

/**
 * Hands a record to Kafka's producer. What keeps it from there ends it.
 *
 * <p>Threading: the sender, or a caller for its own record.
 */
@SuppressWarnings("FutureReturnValueIgnored") // How a send ends reaches the callback, whatever the futures say.
final class HandOver<K, V> {

    private static final Log logger = LogFactory.getLog(HandOver.class);

    private final Surroundings<K, V> surroundings;
    private final SendCompletion<K, V> completion;
    private final ProducerStop stop;

    /** Code of the user's that fails once may fail for each record. */
    private final AtomicBoolean toldOfLeaving = new AtomicBoolean();

    private final Consumer<Throwable> leavingFailed = this::leavingFailed;

    HandOver(Surroundings<K, V> surroundings, SendCompletion<K, V> completion, ProducerStop stop) {
        this.surroundings = surroundings;
        this.completion = completion;
        this.stop = stop;
    }

    /**
     * Hands over one record, which has a place in the window.
     *
     * @param isMeant whether an interrupt ends the hand-over of this record; else it is tried again
     */
    void handOver(PendingSend<K, V> send, Predicate<? super PendingSend<K, V>> isMeant) {
        completion.begins(send);
        try {
            CallerContext context = send.context;
            if (context == null) {
                sendNow(send, isMeant);
            } else {
                send.context = null;
                context.run(() -> sendNow(send, isMeant), leavingFailed);
            }
        } catch (Throwable e) {
            completion.completed(send, null, asException(e));
        }
    }

    /** The record is with Kafka's producer, or has ended; what becomes of it is not decided here. */
    private void leavingFailed(Throwable failure) {
        if (!toldOfLeaving.getAndSet(true)) {
            logger.warn(
                    "What surrounded the caller of a send could not be left after the hand-over, which that does not"
                            + " change; further failures of this kind are not logged",
                    failure);
        }
    }

    static Exception asException(Throwable failure) {
        return failure instanceof Exception exception ? exception : new IllegalStateException(failure);
    }

    private void sendNow(PendingSend<K, V> send, Predicate<? super PendingSend<K, V>> isMeant) {
        try {
            sendOnce(send);
        } catch (InterruptException e) {
            if (isMeant.test(send)) {
                throw e;
            }
            Thread.interrupted();
            sendOnce(send);
        }
    }

    private void sendOnce(PendingSend<K, V> send) {
        if (send.hasEnded()) {
            return; // A shutdown has given it up meanwhile.
        }
        Producer<K, V> producer = surroundings.producer();
        try {
            producer.send(send.record, send);
        } catch (IllegalStateException e) {
            // A new producer after a shutdown would outlive the context.
            if (!isClosed(e) || send.hasEnded() || stop.stage() == ProducerStop.Stage.OVER) {
                throw e;
            }
            // The factory was reset, and the record was not accepted by the producer that is gone.
            surroundings.forgetProducer(producer);
            surroundings.producer().send(send.record, send);
        }
    }

    /** Thrown by Kafka's producer itself, and not by a serializer, an interceptor or a partitioner that it calls. */
    private static boolean isClosed(IllegalStateException thrown) {
        StackTraceElement[] trace = thrown.getStackTrace();
        if (trace.length == 0) {
            return false;
        }
        String by = trace[0].getClassName();
        return by.equals(KafkaProducer.class.getName()) || by.equals(MockProducer.class.getName());
    }
}
