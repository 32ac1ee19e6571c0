package io.github.kafkabackpressure.producer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.ProducerFactory;

/**
 * The producers that are open now, of every {@link DefaultKafkaProducerFactory} bean of a context and of its copies, and
 * the context's buffered templates. A post-processor, so that it listens before anyone can have asked the factory for a
 * producer; the copies that a {@code KafkaTemplate} with overrides makes of a factory inherit the listening.
 *
 * <p>Threading: written by any thread that opens or closes a producer, read by the lifecycle thread.
 */
public final class LiveProducers implements BeanPostProcessor {

    /** What a factory has just made on this thread and is about to announce in its wrapping, which ignores a close. */
    private static final ThreadLocal<@Nullable Producer<?, ?>> JUST_MADE = new ThreadLocal<>();

    private final Map<Producer<?, ?>, LiveProducer> producers = new ConcurrentHashMap<>();
    private final List<BackpressuredKafkaTemplate<?, ?>> templates = new CopyOnWriteArrayList<>();

    private final boolean ofFactories;

    /** Told of templates that are made while the context runs. */
    private volatile @Nullable Consumer<? super BackpressuredKafkaTemplate<?, ?>> madeLate;

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
            template.whenDestroyed(() -> templates.remove(template));
        }
        return bean;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        Consumer<? super BackpressuredKafkaTemplate<?, ?>> told = madeLate;
        if (told != null) {
            Object target = AopProxyUtils.getSingletonTarget(bean);
            if ((target == null ? bean : target) instanceof BackpressuredKafkaTemplate<?, ?> template) {
                told.accept(template);
            }
        }
        return bean;
    }

    /**
     * From now on the context runs, and its templates may do what they do then.
     *
     * @param told of each template, those that are made later included; null: the context runs no more
     */
    void contextRuns(@Nullable Consumer<? super BackpressuredKafkaTemplate<?, ?>> told) {
        madeLate = told; // first: who is made meanwhile is told of twice, and not never
        if (told != null) {
            templates.forEach(told);
        }
    }

    List<BackpressuredKafkaTemplate<?, ?>> templates() {
        return templates;
    }

    /**
     *
     * @param isForeign whether a factory belongs to another context, which closes it
     */
    Collection<LiveProducer> all(Predicate<? super ProducerFactory<?, ?>> isForeign) {
        List<LiveProducer> all = new ArrayList<>(producers.values());
        for (BackpressuredKafkaTemplate<?, ?> template : templates) {
            Producer<?, ?> producer = template.openProducer();
            if (producer != null && all.stream().noneMatch(live -> live.producer() == producer)) {
                all.add(of(template, producer, isForeign));
            }
        }
        return all;
    }

    private LiveProducer of(
            BackpressuredKafkaTemplate<?, ?> template,
            Producer<?, ?> producer,
            Predicate<? super ProducerFactory<?, ?>> isForeign) {
        ProducerFactory<?, ?> factory = template.getProducerFactory();
        Runnable closer = isForeign.test(factory) ? null : () -> close(factory, producer);
        return new LiveProducer(template.pipeline().name(), producer, closer);
    }

    private <K, V> void listenTo(DefaultKafkaProducerFactory<K, V> factory) {
        factory.addPostProcessor(made -> {
            JUST_MADE.set(made);
            return made;
        });
        factory.addListener(new ProducerFactory.Listener<>() {

            @Override
            public void producerAdded(String id, Producer<K, V> producer) {
                Producer<?, ?> made = JUST_MADE.get();
                JUST_MADE.remove();
                // A factory of a subclass may make them in its own way.
                Runnable closer = made == null ? () -> close(factory, producer) : () -> made.close(Duration.ZERO);
                producers.put(producer, new LiveProducer(id, producer, closer));
            }

            @Override
            public void producerRemoved(String id, Producer<K, V> producer) {
                producers.remove(producer);
            }
        });
    }

    private static void close(ProducerFactory<?, ?> factory, Producer<?, ?> producer) {
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
