package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.LiveProducers.LiveProducer;
import java.util.List;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Remembers the producer of a factory for as long as it is open. To ask the factory for each record costs a lock that
 * all senders share.
 *
 * <p>Threading: any thread.
 */
final class CurrentProducer<K, V> implements ProducerFactory.Listener<K, V> {

    private final ProducerFactory<K, V> factory;
    private final Supplier<Producer<K, V>> opener;

    private volatile @Nullable Producer<K, V> current;

    CurrentProducer(ProducerFactory<K, V> factory, Supplier<Producer<K, V>> opener) {
        this.factory = factory;
        this.opener = opener;
        factory.addListener(this);
    }

    Producer<K, V> get() {
        Producer<K, V> known = current;
        if (known != null) {
            return known;
        }
        Producer<K, V> opened = opener.get();
        current = opened;
        return opened;
    }

    void forget() {
        current = null;
    }

    void close() {
        factory.removeListener(this);
        forget();
    }

    @Override
    public void producerRemoved(String id, Producer<K, V> producer) {
        if (producer.equals(current)) {
            forget();
        }
    }

    /** The remembered producer. */
    List<LiveProducer> live(String id) {
        Producer<K, V> known = current;
        return known == null ? List.of() : List.of(new LiveProducer(id, known, factory));
    }
}
