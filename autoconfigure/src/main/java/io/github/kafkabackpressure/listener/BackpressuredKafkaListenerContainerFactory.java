package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import java.lang.reflect.AnnotatedElement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.context.ApplicationContext;
import org.springframework.context.EmbeddedValueResolverAware;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
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

    private static final String LISTENERS_PREFIX = "kafka.backpressure.listeners.";

    private @Nullable ListenerSettings defaults;

    private @Nullable Map<String, ListenerSettings> listeners;

    private @Nullable Boolean virtualThreads;

    private @Nullable Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics> metrics;

    private @Nullable StringValueResolver valueResolver;

    private @Nullable ApplicationContext context;

    /** Makes a factory without a consumer factory, which is to be set. */
    public BackpressuredKafkaListenerContainerFactory() {
        super.setAckDiscarded(true);
    }

    /** Does nothing: a record that a filter discards is always acknowledged, as nobody else would do it. */
    @Override
    public void setAckDiscarded(Boolean ackDiscarded) {}

    @Override
    public void setApplicationContext(ApplicationContext applicationContext) {
        super.setApplicationContext(applicationContext);
        this.context = applicationContext;
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
            throw new IllegalStateException("no consumer factory has been set");
        }
        boolean virtual = Boolean.TRUE.equals(virtualThreads);
        return new BackpressuredMessageListenerContainer<>(
                consumerFactory,
                properties(endpoint),
                ListenerOptions.of(sources(endpoint)),
                virtual,
                acknowledging(endpoint),
                metrics == null ? container -> ListenerMetrics.NOOP : metrics);
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
        for (String id : new String[] {endpoint.getId(), endpoint.getMainListenerId()}) {
            ListenerSettings own = id == null || listeners == null ? null : listeners.get(id);
            if (own != null) {
                sources.add(Source.ofProperties(LISTENERS_PREFIX + id, own));
            }
        }
        BackpressuredListener annotation = annotation(endpoint);
        if (annotation != null) {
            ListenerSettings settings = ListenerSettings.of(annotation, this::resolve);
            sources.add(new Source(settings, ListenerSettings::attributeName));
        }
        if (defaults != null) {
            sources.add(Source.ofProperties(DEFAULTS_PREFIX, defaults));
        }
        return sources;
    }

    private @Nullable String resolve(@Nullable String text) {
        return valueResolver == null || text == null ? text : valueResolver.resolveStringValue(text);
    }

    private @Nullable BackpressuredListener annotation(KafkaListenerEndpoint endpoint) {
        RepeatedListenersPostProcessor<?, ?> ofRepeated = context == null
                ? null
                : context.getBeanProvider(RepeatedListenersPostProcessor.class).getIfAvailable();
        BackpressuredListener repeated = ofRepeated == null ? null : ofRepeated.annotation(endpoint);
        if (repeated != null) {
            return repeated;
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
            return Acknowledging.NEVER;
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
