package io.github.kafkabackpressure.producer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.kafka.clients.producer.Producer;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.ProducerFactory;

/**
 * The producers that are open now, of every {@link DefaultKafkaProducerFactory} bean, and the buffered templates. A
 * post-processor, so that it listens before anyone can have asked the factory for a producer; the copies that a {@code
 * KafkaTemplate} with overrides makes of a factory inherit the listening.
 *
 * <p>Threading: written by any thread that opens or closes a producer, read by the lifecycle thread.
 */
public final class LiveProducers implements BeanPostProcessor {

    private final Map<Producer<?, ?>, LiveProducer> producers = new ConcurrentHashMap<>();
    private final List<BackpressuredKafkaTemplate<?, ?>> templates = new CopyOnWriteArrayList<>();

    private final boolean ofFactories;

    /** All of them. */
    public LiveProducers() {
        this(true);
    }

    /**
     * All of them, or fewer.
     *
     * @param ofFactories false: only those of buffered templates
     */
    public LiveProducers(boolean ofFactories) {
        this.ofFactories = ofFactories;
    }

    /** Before initialization, so that a proxy around the bean cannot hide it. */
    @Override
    public Object postProcessBeforeInitialization(Object bean, String beanName) {
        if (ofFactories && bean instanceof DefaultKafkaProducerFactory<?, ?> factory) {
            listenTo(factory);
        } else if (bean instanceof BackpressuredKafkaTemplate<?, ?> template) {
            templates.add(template);
        }
        return bean;
    }

    List<BackpressuredKafkaTemplate<?, ?>> templates() {
        return templates;
    }

    /** Also the producers of templates whose factories are no beans, or of another kind. */
    Collection<LiveProducer> all() {
        Collection<LiveProducer> all = new ArrayList<>(producers.values());
        for (BackpressuredKafkaTemplate<?, ?> template : templates) {
            template.liveProducers().stream()
                    .filter(live -> !producers.containsKey(live.producer()))
                    .forEach(all::add);
        }
        return all;
    }

    private <K, V> void listenTo(DefaultKafkaProducerFactory<K, V> factory) {
        factory.addListener(new ProducerFactory.Listener<>() {

            @Override
            public void producerAdded(String id, Producer<K, V> producer) {
                producers.put(producer, new LiveProducer(id, producer, factory));
            }

            @Override
            public void producerRemoved(String id, Producer<K, V> producer) {
                producers.remove(producer);
            }
        });
    }

    /**
     * One open producer.
     *
     * @param id name of the factory's bean and the client id
     * @param factory the factory bean; for a producer of a factory's copy, the factory that was copied
     */
    record LiveProducer(String id, Producer<?, ?> producer, ProducerFactory<?, ?> factory) {

        /** Closes it without waiting for what it holds, whose futures fail by that. */
        void closeNow() {
            if (!(factory instanceof DefaultKafkaProducerFactory<?, ?> resettable)) {
                producer.close(Duration.ZERO);
                return;
            }
            // What this factory gives away ignores that it is closed; the factory has to do it.
            Duration usual = resettable.getPhysicalCloseTimeout();
            resettable.setPhysicalCloseTimeout(0);
            try {
                resettable.reset();
            } finally {
                resettable.setPhysicalCloseTimeout((int) usual.toSeconds());
            }
        }
    }
}
