package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.ListenerRefusedException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.BeanExpressionException;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.config.BeanExpressionContext;
import org.springframework.beans.factory.config.BeanExpressionResolver;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.OrderComparator;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.KafkaListenerConfigUtils;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.MethodKafkaListenerEndpoint;
import org.springframework.kafka.config.MultiMethodKafkaListenerEndpoint;
import org.springframework.kafka.support.TopicPartitionOffset;

/**
 * spring-kafka's own finder of listeners, and in addition that of repeated {@link BackpressuredListener} annotations:
 * the one knows of the container of its own annotation only. It stands in the place of the other, so that there is one
 * registrar, which is configured once. It has the factory of these listeners looked up late, as that of a
 * {@link KafkaListener} without a {@code containerFactory} is.
 *
 * <p>Threading: like that of the other one, by whatever threads make beans.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public class RepeatedListenersPostProcessor<K, V> extends KafkaListenerAnnotationBeanPostProcessor<K, V> {

    private static final LogAccessor LOG = new LogAccessor(RepeatedListenersPostProcessor.class);

    private static final String ENABLED = "kafka.backpressure.listener.enabled";

    /** The key of the factory that all listeners share whose endpoints tell their annotations. */
    private static final String SHARED = "";

    private final Map<String, LateContainerFactory> factories = new ConcurrentHashMap<>();

    private final AtomicInteger keys = new AtomicInteger();

    /** What is being registered, by the very annotation that is given to the superclass for it. */
    private final Map<KafkaListener, Handlers> registering = Collections.synchronizedMap(new IdentityHashMap<>());

    private final Set<Class<?>> withoutFurther = ConcurrentHashMap.newKeySet();

    private @Nullable BeanFactory beanFactory;

    private String usualFactoryName = DEFAULT_KAFKA_LISTENER_CONTAINER_FACTORY_BEAN_NAME;

    /**
     * The methods that a listener's records go to.
     *
     * @param methods the handler methods of a class; empty for a method
     */
    private record Handlers(List<Method> methods, @Nullable Method byDefault) {

        private static final Handlers NONE = new Handlers(List.of(), null);
    }

    /** Makes it, to be set up like the one in whose place it stands. */
    public RepeatedListenersPostProcessor() {
        factories.put(
                SHARED, new LateContainerFactory(() -> factory(BackpressuredListener.CONTAINER_FACTORY), null, false));
    }

    /**
     * The factory of a registered listener; called by the expression that the superclass is given in place of its name.
     *
     * @param key which one
     */
    public KafkaListenerContainerFactory<?> lateFactory(String key) {
        LateContainerFactory factory = factories.get(key);
        if (factory == null) {
            throw new IllegalStateException("no listener has been registered as " + key);
        }
        return factory;
    }

    /** The factory of a {@link KafkaListener} that names none; null if there is none. */
    public @Nullable KafkaListenerContainerFactory<?> usualFactory() {
        Object set = ContainerFactories.ofRegistrar(getEndpointRegistrar());
        if (set instanceof KafkaListenerContainerFactory<?> factory) {
            return factory;
        }
        BeanFactory beans = beanFactory;
        return beans != null && beans.containsBean(usualFactoryName)
                ? beans.getBean(usualFactoryName, KafkaListenerContainerFactory.class)
                : null;
    }

    @Override
    public void setDefaultContainerFactoryBeanName(String containerFactoryBeanName) {
        super.setDefaultContainerFactoryBeanName(containerFactoryBeanName);
        this.usualFactoryName = containerFactoryBeanName;
    }

    /** The name of the bean that {@link #usualFactory} is by default. */
    public String usualFactoryName() {
        return usualFactoryName;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        Class<?> type = AopUtils.getTargetClass(bean);
        Map<Method, List<BackpressuredListener>> onMethods = Map.of();
        List<BackpressuredListener> onClass = List.of();
        if (!withoutFurther.contains(type)) {
            onMethods = MethodIntrospector.selectMethods(
                    type, (MethodIntrospector.MetadataLookup<List<BackpressuredListener>>) method -> {
                        List<BackpressuredListener> further = ListenerAnnotations.further(method);
                        return further.isEmpty() ? null : further;
                    });
            onClass = ListenerAnnotations.further(type);
        }
        Object processed = super.postProcessAfterInitialization(bean, beanName);
        onMethods.forEach((method, further) ->
                further.forEach(annotation -> register(annotation, Handlers.NONE, method, method, bean, beanName)));
        if (!onClass.isEmpty()) {
            registerClass(onClass, type, bean, beanName);
        } else if (onMethods.isEmpty()) {
            withoutFurther.add(type);
        }
        return processed;
    }

    private void registerClass(List<BackpressuredListener> further, Class<?> type, Object bean, String beanName) {
        if (AnnotatedElementUtils.hasAnnotation(type, RetryableTopic.class)) {
            throw new ListenerRefusedException(
                    "@RetryableTopic on " + type.getName()
                            + " cannot be combined with repeated @BackpressuredListener annotations of the class.",
                    "Put each of them on a class of its own.");
        }
        Set<Method> found = MethodIntrospector.selectMethods(
                type, (Method method) -> AnnotatedElementUtils.hasAnnotation(method, KafkaHandler.class));
        List<Method> methods = new ArrayList<>();
        Method byDefault = null;
        for (Method method : found) {
            Method invocable = AopUtils.selectInvocableMethod(method, bean.getClass());
            methods.add(invocable);
            KafkaHandler handler = AnnotatedElementUtils.findMergedAnnotation(method, KafkaHandler.class);
            if (handler != null && handler.isDefault()) {
                byDefault = invocable;
            }
        }
        if (methods.isEmpty()) {
            throw new ListenerRefusedException(
                    "No @KafkaHandler methods in bean '" + beanName + "' of " + type + ".",
                    "Put @KafkaHandler on the methods that its records are for.");
        }
        Handlers handlers = new Handlers(methods, byDefault);
        for (BackpressuredListener annotation : further) {
            register(annotation, handlers, type, found.iterator().next(), bean, beanName);
        }
    }

    private void register(
            BackpressuredListener annotation,
            Handlers handlers,
            AnnotatedElement element,
            Method method,
            Object bean,
            String beanName) {
        KafkaListener enhanced = enhanced(
                MergedAnnotations.from(annotation).get(KafkaListener.class).synthesize(), element);
        KafkaListener listener = enhanced;
        if (enhanced.containerFactory().equals(annotation.containerFactory())) {
            String key = String.valueOf(keys.incrementAndGet());
            factories.put(
                    key,
                    new LateContainerFactory(
                            () -> factory(annotation.containerFactory()),
                            annotation,
                            !handlers.methods().isEmpty()));
            listener = withLateFactory(enhanced, key);
        }
        registering.put(listener, handlers);
        try {
            processKafkaListener(listener, method, bean, beanName);
        } finally {
            registering.remove(listener);
        }
    }

    /** As the superclass does it with the annotations that it finds. */
    @SuppressWarnings("NullAway") // no attribute of an annotation is null
    private KafkaListener enhanced(KafkaListener listener, AnnotatedElement element) {
        if (!(beanFactory instanceof ListableBeanFactory beans)) {
            return listener;
        }
        List<AnnotationEnhancer> enhancers = new ArrayList<>(
                beans.getBeansOfType(AnnotationEnhancer.class, false, false).values());
        if (enhancers.isEmpty()) {
            return listener;
        }
        enhancers.sort(new OrderComparator());
        Map<String, Object> attributes = AnnotationUtils.getAnnotationAttributes(listener);
        for (AnnotationEnhancer enhancer : enhancers) {
            attributes = enhancer.apply(attributes, element);
        }
        return AnnotationUtils.synthesizeAnnotation(attributes, KafkaListener.class, null);
    }

    @SuppressWarnings("NullAway") // no attribute of an annotation is null
    private static KafkaListener withLateFactory(KafkaListener listener, String key) {
        Map<String, Object> attributes = AnnotationUtils.getAnnotationAttributes(listener);
        attributes.put(
                "containerFactory",
                "#{@'" + KafkaListenerConfigUtils.KAFKA_LISTENER_ANNOTATION_PROCESSOR_BEAN_NAME + "'.lateFactory('"
                        + key + "')}");
        return AnnotationUtils.synthesizeAnnotation(attributes, KafkaListener.class, null);
    }

    @SuppressWarnings("NullAway") // no attribute of an annotation is null
    private static KafkaListener withLateFactory(KafkaListener listener) {
        return listener.containerFactory().equals(BackpressuredListener.CONTAINER_FACTORY)
                ? withLateFactory(listener, SHARED)
                : listener;
    }

    @Override
    protected void processKafkaListener(KafkaListener kafkaListener, Method method, Object bean, String beanName) {
        if (registering.containsKey(kafkaListener)) {
            super.processKafkaListener(kafkaListener, method, bean, beanName);
            return;
        }
        super.processKafkaListener(withLateFactory(kafkaListener), method, bean, beanName);
        checkFactory(AnnotatedElementUtils.findMergedAnnotation(method, BackpressuredListener.class));
    }

    @Override
    protected void processListener(
            MethodKafkaListenerEndpoint<?, ?> endpoint,
            KafkaListener kafkaListener,
            Object bean,
            String beanName,
            String[] topics,
            TopicPartitionOffset[] partitions) {
        Handlers handlers = registering.get(kafkaListener);
        MethodKafkaListenerEndpoint<?, ?> registered = endpoint;
        if (handlers != null && !handlers.methods().isEmpty()) {
            registered = new MultiMethodKafkaListenerEndpoint<>(handlers.methods(), handlers.byDefault(), bean);
            registered.setId(endpoint.getId());
        }
        super.processListener(registered, withLateFactory(kafkaListener), bean, beanName, topics, partitions);
        if (registered.isShareConsumer() && isBackpressured(registered, bean)) {
            throw new ListenerRefusedException(
                    "The listener '" + registered.getId() + "' of bean '" + beanName
                            + "' is a @BackpressuredListener with the container factory of a share group, where the broker"
                            + " hands out single records and neither order nor offsets exist to be kept.",
                    "Use @KafkaListener for share groups.");
        }
        if (handlers == null && registered instanceof MultiMethodKafkaListenerEndpoint) {
            checkFactory(AnnotatedElementUtils.findMergedAnnotation(
                    AopUtils.getTargetClass(bean), BackpressuredListener.class));
        }
    }

    private static boolean isBackpressured(MethodKafkaListenerEndpoint<?, ?> endpoint, Object bean) {
        return AnnotatedElementUtils.hasAnnotation(AopUtils.getTargetClass(bean), BackpressuredListener.class)
                || (endpoint.getMethod() != null
                        && AnnotatedElementUtils.hasAnnotation(endpoint.getMethod(), BackpressuredListener.class));
    }

    /** Looks at a factory that the superclass has looked up already, as its name is not the usual one. */
    private void checkFactory(@Nullable BackpressuredListener annotation) {
        if (annotation != null && !annotation.containerFactory().equals(BackpressuredListener.CONTAINER_FACTORY)) {
            factory(annotation.containerFactory());
        }
    }

    /** Looks a factory up, and refuses another kind, whose container would be an ordinary one in all but its name. */
    private KafkaListenerContainerFactory<?> factory(String text) {
        Object found = resolved(text);
        BeanFactory beans = beanFactory;
        if (found instanceof String name && beans != null) {
            if (!beans.containsBean(name) && "false".equals(resolved("${" + ENABLED + ":true}"))) {
                KafkaListenerContainerFactory<?> usual = usualFactory();
                if (usual != null) {
                    LOG.info(() -> ENABLED + " is false: @BackpressuredListener acts as @KafkaListener");
                    return usual;
                }
            }
            if (!beans.containsBean(name)) {
                throw new ListenerRefusedException(
                        "A @BackpressuredListener has containerFactory = \"" + text + "\", and there is no such bean.",
                        "The auto-configuration makes '" + BackpressuredListener.CONTAINER_FACTORY
                                + "' where Spring Boot's auto-configuration of Kafka is at work; make one of another"
                                + " name yourself.");
            }
            found = beans.getBean(name);
        }
        if (found instanceof BackpressuredKafkaListenerContainerFactory<?, ?> factory) {
            return factory;
        }
        throw new ListenerRefusedException(
                "A @BackpressuredListener has containerFactory = \"" + text + "\", which is not a "
                        + BackpressuredKafkaListenerContainerFactory.class.getSimpleName()
                        + ", so that nothing would limit what is in flight.",
                "Make that bean one: it has the same setters.");
    }

    /** What an attribute says, its placeholders and expressions resolved; itself if only spring-kafka can resolve it. */
    private @Nullable Object resolved(String text) {
        if (!(beanFactory instanceof ConfigurableBeanFactory configurable)) {
            return text;
        }
        String value = configurable.resolveEmbeddedValue(text);
        BeanExpressionResolver expressions = configurable.getBeanExpressionResolver();
        try {
            return expressions == null
                    ? value
                    : expressions.evaluate(value, new BeanExpressionContext(configurable, null));
        } catch (BeanExpressionException e) {
            return null; // as one that has to do with the listener itself
        }
    }

    @Override
    public void setBeanFactory(BeanFactory factory) {
        super.setBeanFactory(factory);
        this.beanFactory = factory;
    }
}
