package io.github.kafkabackpressure.producer;

import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A record together with how it is to be sent. A record itself, so that it goes through the template's own
 * {@code send} with everything that happens there; the priority never leaves the JVM.
 *
 * <p>Threading: as a {@code ProducerRecord}: made and sent by the caller's thread.
 */
final class SendRequest<K, V> extends ProducerRecord<K, V> {

    final int priority;
    final boolean mayWait;

    SendRequest(ProducerRecord<K, V> record, int priority, boolean mayWait) {
        super(record.topic(), record.partition(), record.timestamp(), record.key(), record.value(), record.headers());
        this.priority = priority;
        this.mayWait = mayWait;
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other);
    }

    @Override
    public int hashCode() {
        return super.hashCode();
    }
}
