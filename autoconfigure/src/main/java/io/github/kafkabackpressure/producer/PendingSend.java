package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.buffer.Buffered;
import io.github.kafkabackpressure.producer.spool.Undelivered;
import io.micrometer.observation.Observation;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.support.SendResult;

/**
 * One record on its way: what waits in the buffer, what Kafka calls back, and the future that the caller holds. One
 * object for all of it, because there may be a million of these a second.
 *
 * <p>Threading: handed from the caller to the sender to Kafka's thread; {@link #end()} lets exactly one of them end it.
 */
final class PendingSend<K, V> extends Buffered implements Callback, Undelivered<K, V> {

    @SuppressWarnings("rawtypes")
    private static final AtomicIntegerFieldUpdater<PendingSend> ENDED =
            AtomicIntegerFieldUpdater.newUpdater(PendingSend.class, "ended");

    final ProducerRecord<K, V> record;
    final CompletableFuture<SendResult<K, V>> future = new CompletableFuture<>();
    final @Nullable Observation observation;

    private final SendCompletion<K, V> completion;

    /** Whether it holds a place in the in-flight window. */
    boolean inFlight;

    /** Why Kafka's producer refused it; read by the sender after the hand-over only. */
    volatile @Nullable Exception failure;

    /** Not if it belongs to a transaction, which is nothing to send again, or if its own hand-over hangs. */
    boolean keepable = true;

    /** When it was handed to Kafka's producer; set in slow mode only. */
    long handedOverNanos;

    /** Whether {@link #handedOverNanos} is set: some end without ever having been handed over. */
    boolean timed;

    /** Counts from one in the order of hand-over; set only where there is a spool. */
    long order;

    /** What the record's headers were at the hand-over; set only where there is a spool. */
    Header @Nullable [] headersBefore;

    private volatile int ended;

    PendingSend(
            SendCompletion<K, V> completion,
            ProducerRecord<K, V> record,
            int priority,
            int bytes,
            @Nullable Observation observation) {
        super(priority, bytes);
        this.completion = completion;
        this.record = record;
        this.observation = observation;
    }

    @Override
    public ProducerRecord<K, V> record() {
        return record;
    }

    @Override
    public Header @Nullable [] headersBefore() {
        return headersBefore;
    }

    /** Whether the caller is the one that ends this send; the answer is yes once. */
    boolean end() {
        return ENDED.compareAndSet(this, 0, 1);
    }

    boolean hasEnded() {
        return ended != 0;
    }

    @Override
    public void onCompletion(@Nullable RecordMetadata metadata, @Nullable Exception failure) {
        completion.completed(this, metadata, failure);
    }
}
