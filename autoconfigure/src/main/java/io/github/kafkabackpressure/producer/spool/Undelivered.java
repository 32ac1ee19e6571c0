package io.github.kafkabackpressure.producer.spool;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * A send that a shutdown could not deliver. One is told from another by identity: equal records are sent twice.
 *
 * <p>Threading: as an {@link UndeliveredStore} says.
 *
 * @param <K> type of the record's key
 * @param <V> type of the record's value
 */
public interface Undelivered<K, V> {

    /** The record that was given to Kafka's producer, or would have been. */
    ProducerRecord<K, V> record();

    /** What its headers were before the hand-over to Kafka's producer, whose interceptors may change them; null: as now. */
    default Header @Nullable [] headersBefore() {
        return null;
    }
}
