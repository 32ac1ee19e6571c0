package io.github.kafkabackpressure.producer;

import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Remembers the producer of a factory. To ask the factory for each record costs a lock that all senders share; it is
 * asked again now and then, because it may have closed a producer that has reached its age.
 *
 * <p>Threading: any thread. One at a time opens, so that all records go through one producer.
 */
final class CurrentProducer<K, V> {

    private final Supplier<Producer<K, V>> opener;
    private final boolean mayChange;

    private volatile @Nullable Producer<K, V> current;

    /** @param opener asks the factory */
    CurrentProducer(ProducerFactory<K, V> factory, Supplier<Producer<K, V>> opener) {
        this.opener = opener;
        // One that has a producer for each thread would answer each thread with its own, and one that we do not know
        // might open a new one at each call.
        this.mayChange = factory instanceof DefaultKafkaProducerFactory<K, V> && !factory.isProducerPerThread();
    }

    Producer<K, V> get() {
        Producer<K, V> known = current;
        return known != null ? known : open();
    }

    /** As {@link #get()}, after the factory was asked. */
    Producer<K, V> askAgain() {
        return mayChange ? reopen() : get();
    }

    private synchronized Producer<K, V> open() {
        Producer<K, V> known = current;
        return known != null ? known : reopen();
    }

    private synchronized Producer<K, V> reopen() {
        Producer<K, V> opened = opener.get();
        current = opened;
        return opened;
    }

    @Nullable Producer<K, V> ifOpen() {
        return current;
    }

    /** That one is closed. */
    synchronized void forget(Producer<K, V> closed) {
        if (current == closed) {
            current = null;
        }
    }

    synchronized void forget() {
        current = null;
    }
}
