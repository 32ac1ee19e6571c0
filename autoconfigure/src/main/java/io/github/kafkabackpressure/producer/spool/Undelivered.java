package io.github.kafkabackpressure.producer.spool;

import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A send that a shutdown could not deliver. One is told from another by identity: equal records are sent twice.
 *
 * <p>Threading: as an {@link UndeliveredStore} says.
 *
 * @param <K> type of the record's key
 * @param <V> type of the record's value
 */
public interface Undelivered<K, V> {

    /** The record as it was given to Kafka's producer, or would have been. */
    ProducerRecord<K, V> record();
}
