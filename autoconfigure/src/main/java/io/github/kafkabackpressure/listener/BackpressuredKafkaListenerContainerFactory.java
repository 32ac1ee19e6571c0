package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import io.github.kafkabackpressure.listener.handle.Acknowledging;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.context.EmbeddedValueResolverAware;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpoint;
import org.springframework.kafka.config.MethodKafkaListenerEndpoint;
import org.springframework.kafka.config.MultiMethodKafkaListenerEndpoint;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.util.ReflectionUtils;
import org.springframework.util.StringValueResolver;

/**
 * Makes the containers of {@link BackpressuredListener} methods. It has everything that spring-kafka's factory has;
 * beside Boot's own settings it takes those of the back-pressure.
 *
 * <p>Threading: set up by one thread before it makes containers.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public class BackpressuredKafkaListenerContainerFactory<K, V> extends ConcurrentKafkaListenerContainerFactory<K, V>
        implements EmbeddedValueResolverAware {

    private static final String DEFAULTS_PREFIX = "kafka.backpressure.listener";

    private static final AtomicInteger UNNAMED = new AtomicInteger();

    private @Nullable ListenerSettings defaults;

    private @Nullable Map<String, ListenerSettings> listeners;

    private @Nullable Boolean virtualThreads;

    private @Nullable Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics> metrics;

    private List<ListenerOptionsCustomizer> customizers = List.of();

    /** The rate limits by the id of the listener, which its retry topics share. */
    private final Map<String, RecordRates> rates = new ConcurrentHashMap<>();

    private @Nullable StringValueResolver valueResolver;

    private final List<Consumer<? super BackpressuredKafkaListenerContainerFactory<K, V>>> late = new ArrayList<>();

    private boolean settingUpLate;

    /** The annotations that cannot be found by an endpoint's method or class, as it has several. */
    private final Map<KafkaListenerEndpoint, BackpressuredListener> annotations =
            Collections.synchronizedMap(new IdentityHashMap<>());

    /** Makes a factory without a consumer factory, which is to be set. */
    public BackpressuredKafkaListenerContainerFactory() {
        super.setAckDiscarded(true);
    }

    /** Does nothing: a record that a filter discards is always acknowledged, as nobody else would do it. */
    @Override
    public void setAckDiscarded(Boolean ackDiscarded) {}

    /**
     * Adds what sets this factory up just before it makes its first container. Beans that are needed for that are so
     * made only then, when all listeners have been found.
     */
    public void setUpLate(Consumer<? super BackpressuredKafkaListenerContainerFactory<K, V>> settings) {
        late.add(settings);
    }

    private synchronized void completeSetUp() {
        if (!settingUpLate) {
            settingUpLate = true;
            try {
                while (!late.isEmpty()) {
                    late.get(0).accept(this);
                    late.remove(0);
                }
            } finally {
                settingUpLate = false;
            }
        }
    }

    /**
     * Sets what has not been set so far to what another factory is set to.
     *
     * @param other as a rule that of the application's {@code @KafkaListener} methods
     * @param name its bean name
     * @throws ListenerRefusedException if it is of a kind whose settings cannot be taken over
     */
    public void takeOver(KafkaListenerContainerFactory<?> other, String name) {
        ContainerFactories.takeOver(this, other, name, other instanceof BackpressuredKafkaListenerContainerFactory);
        if (other instanceof BackpressuredKafkaListenerContainerFactory<?, ?> own) {
            own.completeSetUp();
            setWhereUnset(
                    own.defaults == null ? ListenerSettings.NONE : own.defaults,
                    own.listeners == null ? Map.of() : own.listeners,
                    Boolean.TRUE.equals(own.virtualThreads),
                    own.metrics);
        }
    }

    @Override
    public @Nullable ConsumerFactory<? super K, ? super V> getConsumerFactory() {
        completeSetUp();
        return super.getConsumerFactory();
    }

    @Override
    public ConcurrentMessageListenerContainer<K, V> createListenerContainer(KafkaListenerEndpoint endpoint) {
        completeSetUp();
        return super.createListenerContainer(endpoint);
    }

    @Override
    protected ConcurrentMessageListenerContainer<K, V> createContainer(KafkaListenerEndpoint endpoint) {
        completeSetUp();
        return super.createContainer(endpoint);
    }

    /** Makes the container of a listener whose annotation its endpoint does not tell. */
    ConcurrentMessageListenerContainer<K, V> createListenerContainer(
            KafkaListenerEndpoint endpoint, @Nullable BackpressuredListener annotation) {
        if (annotation == null) {
            return createListenerContainer(endpoint);
        }
        annotations.put(endpoint, annotation);
        try {
            return createListenerContainer(endpoint);
        } finally {
            annotations.remove(endpoint);
        }
    }

    /** Sets the settings of all listeners, which annotations and {@link #setListeners} override. */
    public void setDefaults(ListenerSettings defaults) {
        this.defaults = defaults;
    }

    /** Sets the settings of single listeners by their id, which override those of their annotations. */
    public void setListeners(Map<String, ListenerSettings> listeners) {
        this.listeners = Map.copyOf(listeners);
    }

    /** Sets whether records are handled on virtual threads, for which the JVM must have them; off by default. */
    public void setVirtualThreads(boolean virtualThreads) {
        this.virtualThreads = virtualThreads;
    }

    /** Sets what measures each container; nothing by default. */
    public void setMetrics(
            Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics> metrics) {
        this.metrics = metrics;
    }

    /** Sets what is asked about each listener after all properties and annotations, the last one having the last say. */
    public void setOptionsCustomizers(List<ListenerOptionsCustomizer> customizers) {
        this.customizers = List.copyOf(customizers);
    }

    /**
     * Sets what has not been set so far: what the application's properties say holds for a factory of the user's own too.
     *
     * @param defaults as {@link #setDefaults} takes them
     * @param listeners as {@link #setListeners} takes them
     * @param virtualThreads as {@link #setVirtualThreads} takes it
     * @param metrics as {@link #setMetrics} takes it; null for none
     */
    public void setWhereUnset(
            ListenerSettings defaults,
            Map<String, ListenerSettings> listeners,
            boolean virtualThreads,
            @Nullable Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics> metrics) {
        this.defaults = this.defaults == null ? defaults : this.defaults;
        this.listeners = this.listeners == null ? Map.copyOf(listeners) : this.listeners;
        this.virtualThreads = this.virtualThreads == null ? virtualThreads : this.virtualThreads;
        this.metrics = this.metrics == null ? metrics : this.metrics;
    }

    @Override
    public void setEmbeddedValueResolver(StringValueResolver resolver) {
        this.valueResolver = resolver;
    }

    @Override
    protected ConcurrentMessageListenerContainer<K, V> createContainerInstance(KafkaListenerEndpoint endpoint) {
        ConsumerFactory<? super K, ? super V> consumerFactory = getConsumerFactory();
        if (consumerFactory == null) {
            throw new ListenerRefusedException(
                    "A BackpressuredKafkaListenerContainerFactory has no consumer factory.",
                    "Call its setConsumerFactory().");
        }
        List<Source> sources = sources(endpoint);
        ListenerOptions options = ListenerOptions.of(sources);
        String mainId = endpoint.getMainListenerId();
        boolean retries = mainId != null && !mainId.equals(endpoint.getId());
        ContainerProperties properties = properties(endpoint);
        BackpressuredMessageListenerContainer<K, V> container = new BackpressuredMessageListenerContainer<>(
                consumerFactory,
                properties,
                retries ? options.ofRetries() : options,
                key -> Source.nameOf(sources, key),
                Boolean.TRUE.equals(virtualThreads),
                acknowledging(endpoint),
                metrics == null ? made -> ListenerMetrics.NOOP : metrics);
        String main = mainId == null ? endpoint.getId() : mainId;
        if (main != null && options.overload().rateLimit() != null) {
            // Retries are as dear as first attempts: one rate holds for both.
            container
                    .overload()
                    .setRates(() -> rates.computeIfAbsent(
                            main,
                            id -> ContainerOverload.makeRates(
                                    container.parts(), options.overload(), id, System::nanoTime)));
        }
        if (endpoint.getId() == null) {
            // spring-kafka has one name for all that nobody names, by which meters and threads could not be told apart.
            container.setBeanName("container#" + UNNAMED.getAndIncrement());
        }
        return container;
    }

    @SuppressWarnings("NullAway") // the array may hold nulls by its type only
    private static ContainerProperties properties(KafkaListenerEndpoint endpoint) {
        @Nullable TopicPartitionOffset @Nullable [] partitions = endpoint.getTopicPartitionsToAssign();
        if (partitions != null && partitions.length > 0) {
            return new ContainerProperties(partitions);
        }
        Collection<String> topics = endpoint.getTopics();
        if (topics != null && !topics.isEmpty()) {
            return new ContainerProperties(topics.toArray(String[]::new));
        }
        return new ContainerProperties(endpoint.getTopicPattern());
    }

    private List<Source> sources(KafkaListenerEndpoint endpoint) {
        List<Source> sources = new ArrayList<>();
        // The listeners of retry topics go by the settings of the one whose records they retry.
        Map<String, ListenerSettings> own = listeners == null ? Map.of() : listeners;
        Stream.of(endpoint.getId(), endpoint.getMainListenerId())
                .filter(Objects::nonNull)
                .flatMap(id -> ListenerIds.keysOf(id, own.keySet()).stream())
                .forEach(key -> sources.add(Source.ofProperties(
                        ListenerIds.PREFIX + ListenerIds.written(key), Objects.requireNonNull(own.get(key)))));
        BackpressuredListener annotation = annotation(endpoint);
        if (annotation != null) {
            ListenerSettings settings = ListenerSettings.of(annotation, this::resolve);
            sources.add(new Source(settings, ListenerSettings::attributeName));
        }
        if (defaults != null) {
            sources.add(Source.ofProperties(DEFAULTS_PREFIX, defaults));
        }
        for (ListenerOptionsCustomizer customizer : customizers) {
            ListenerSettings settings = customizer.customize(endpoint.getId(), ListenerOptions.of(sources));
            sources.add(
                    0,
                    new Source(
                            settings,
                            key -> key + " of " + customizer.getClass().getName()));
        }
        return sources;
    }

    private @Nullable String resolve(@Nullable String text) {
        return valueResolver == null || text == null ? text : valueResolver.resolveStringValue(text);
    }

    private @Nullable BackpressuredListener annotation(KafkaListenerEndpoint endpoint) {
        BackpressuredListener carried = annotations.get(endpoint);
        if (carried != null) {
            return carried;
        }
        if (!(endpoint instanceof MethodKafkaListenerEndpoint<?, ?> ofMethod)) {
            return null;
        }
        Class<?> type = AopUtils.getTargetClass(ofMethod.getBean());
        AnnotatedElement element = endpoint instanceof MultiMethodKafkaListenerEndpoint
                ? type
                : AopUtils.getMostSpecificMethod(ofMethod.getMethod(), type);
        return AnnotatedElementUtils.findMergedAnnotation(element, BackpressuredListener.class);
    }

    private static Acknowledging acknowledging(KafkaListenerEndpoint endpoint) {
        if (!(endpoint instanceof MethodKafkaListenerEndpoint<?, ?> ofMethod)) {
            return Acknowledging.of(List.of());
        }
        return Acknowledging.of(
                endpoint instanceof MultiMethodKafkaListenerEndpoint
                        ? Arrays.stream(ReflectionUtils.getUniqueDeclaredMethods(
                                        AopUtils.getTargetClass(ofMethod.getBean())))
                                .filter(method -> AnnotatedElementUtils.hasAnnotation(method, KafkaHandler.class))
                                .toList()
                        : List.of(ofMethod.getMethod()));
    }
}
