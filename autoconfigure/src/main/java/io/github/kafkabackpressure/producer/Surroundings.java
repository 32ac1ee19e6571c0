package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link SendPipeline} calls outside of itself. What throws here harms no record.
 *
 * <p>Threading: called by callers, the sender, Kafka's threads and the thread of a shutdown; never under a lock.
 */
interface Surroundings<K, V> {

    /** The producer to hand over to; called for each record, so it should remember it. */
    Producer<K, V> producer();

    /** The producer was closed under us; the next {@link #producer()} must be another. */
    void forgetProducer();

    /** The broker acknowledged a record. */
    void delivered(ProducerRecord<K, V> record, RecordMetadata metadata);

    /** An accepted record was not delivered. */
    void failed(ProducerRecord<K, V> record, @Nullable RecordMetadata metadata, Exception failure);

    /** The buffer changed its state. */
    void stateChanged(BufferState state, int buffered);
}
