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

    /** What is told of Kafka's answer. */
    interface Answered<K, V> {

        /** Kafka has answered, or its producer has refused the record. */
        void completed(PendingSend<K, V> send, @Nullable RecordMetadata metadata, @Nullable Exception failure);
    }

    final CompletableFuture<SendResult<K, V>> future = new CompletableFuture<>();
    final @Nullable Observation observation;

    private final Answered<K, V> answered;

    /** As it was given, or a copy; not changed any more once the caller's thread has passed it on. */
    ProducerRecord<K, V> record;

    /** What surrounded the caller, until it is handed over; null if there is nothing, or if the caller does that. */
    @Nullable CallerContext context;

    /** Whether it holds a place in the in-flight window. */
    boolean inFlight;

    /** Why Kafka's producer refused it; read after the hand-over only, by who handed it over. */
    volatile @Nullable Exception failure;

    /** Not if it belongs to a transaction, which is nothing to send again, or if its own hand-over hangs. */
    boolean keepable = true;

    /** When it was handed to Kafka's producer; set in slow mode only. */
    long handedOverNanos;

    /** Whether {@link #handedOverNanos} is set: some end without ever having been handed over. */
    boolean timed;

    /** Counts in the order in which records are given to a template; set only where there is a spool. */
    long order;

    /** What the record's headers were at the hand-over; set only where there is a spool. */
    Header @Nullable [] headersBefore;

    private volatile int ended;

    PendingSend(
            Answered<K, V> answered,
            ProducerRecord<K, V> record,
            int priority,
            int bytes,
            @Nullable Observation observation) {
        super(priority, bytes);
        this.answered = answered;
        this.record = record;
        this.observation = observation;
    }

    /** The caller goes on, and may change what it gave. */
    void copyRecord(long nowMillis) {
        record = RecordCopy.of(record, nowMillis);
    }

    /** Whether the caller is the one that ends this send; the answer is yes once. */
    boolean end() {
        return ENDED.compareAndSet(this, 0, 1);
    }

    boolean hasEnded() {
        return ended != 0;
    }

    @Override
    public ProducerRecord<K, V> record() {
        return record;
    }

    @Override
    public Header @Nullable [] headersBefore() {
        return headersBefore;
    }

    @Override
    public void onCompletion(@Nullable RecordMetadata metadata, @Nullable Exception failure) {
        answered.completed(this, metadata, failure);
    }
}
