package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.RecordNotSentException;
import java.time.Duration;
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

    /** The same, but the factory is asked whether it is still the one: it may be too old, or have been replaced. */
    default Producer<K, V> currentProducer() {
        return producer();
    }

    /** The producer to hand over to if one is open. */
    default @Nullable Producer<K, V> openProducer() {
        return null;
    }

    /** That producer was closed under us; the next {@link #producer()} must be another. */
    void forgetProducer(Producer<K, V> closed);

    /** How long Kafka's producer waits for the metadata of a topic. */
    default Duration metadataWait() {
        return Duration.ofSeconds(60);
    }

    /** The broker acknowledged a record. */
    void delivered(ProducerRecord<K, V> record, RecordMetadata metadata);

    /** An accepted record was not delivered. */
    void failed(ProducerRecord<K, V> record, @Nullable RecordMetadata metadata, Exception failure);

    /** A shutdown has not delivered an accepted record, and it is not kept. */
    void undelivered(ProducerRecord<K, V> record, RecordNotSentException failure);

    /** The buffer changed its state. */
    void stateChanged(BufferState state, int buffered);
}
