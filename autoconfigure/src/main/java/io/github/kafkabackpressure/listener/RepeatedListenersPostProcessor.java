package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.BackpressuredListeners;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.BeanExpressionException;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.config.BeanExpressionContext;
import org.springframework.beans.factory.config.BeanExpressionResolver;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.core.annotation.MergedAnnotations.SearchStrategy;
import org.springframework.core.annotation.RepeatableContainers;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.KafkaListenerAnnotationBeanPostProcessor;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.KafkaListenerEndpoint;
import org.springframework.kafka.config.MethodKafkaListenerEndpoint;
import org.springframework.kafka.config.MultiMethodKafkaListenerEndpoint;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.util.StringUtils;

/**
 * spring-kafka's own finder of listeners, and in addition that of repeated {@link BackpressuredListener} annotations:
 * the one knows of the container of its own annotation only. It stands in the place of the other, so that there is one
 * registrar, which is configured once.
 *
 * <p>Threading: like that of the other one, by whatever threads make beans; one listener at a time.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public class RepeatedListenersPostProcessor<K, V> extends KafkaListenerAnnotationBeanPostProcessor<K, V> {

    private static final RepeatableContainers CONTAINER =
            RepeatableContainers.explicitRepeatable(BackpressuredListener.class, BackpressuredListeners.class);

    /** Which annotation is whose, by the id of the listener. */
    private final Map<String, BackpressuredListener> annotations = new ConcurrentHashMap<>();

    /** What is being registered by this thread; null for what the superclass finds by itself. */
    private static final ThreadLocal<@Nullable Registration> REGISTERING = new ThreadLocal<>();

    private @Nullable BeanFactory beanFactory;

    private final Set<Class<?>> withoutRepeated = ConcurrentHashMap.newKeySet();

    /**
     * A repeated annotation on its way to the registrar.
     *
     * @param handlers the handler methods of a class; empty for a method
     */
    private record Registration(
            BackpressuredListener annotation,
            List<Method> handlers,
            @Nullable Method defaultHandler) {}

    /** Makes it, to be set up like the one in whose place it stands. */
    public RepeatedListenersPostProcessor() {}

    /** The annotation of a listener if it is a repeated one. */
    @Nullable BackpressuredListener annotation(KafkaListenerEndpoint endpoint) {
        String id = endpoint.getId();
        BackpressuredListener own = id == null ? null : annotations.get(id);
        String mainId = endpoint.getMainListenerId();
        return own != null || mainId == null ? own : annotations.get(mainId);
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        Object processed = super.postProcessAfterInitialization(bean, beanName);
        Class<?> type = AopUtils.getTargetClass(bean);
        if (!withoutRepeated.contains(type) && !registerRepeated(bean, beanName, type)) {
            withoutRepeated.add(type);
        }
        return processed;
    }

    private boolean registerRepeated(Object bean, String beanName, Class<?> type) {
        Map<Method, List<BackpressuredListener>> onMethods = MethodIntrospector.selectMethods(
                type, (MethodIntrospector.MetadataLookup<List<BackpressuredListener>>) method -> {
                    List<BackpressuredListener> repeated = repeated(method);
                    return repeated.isEmpty() ? null : repeated;
                });
        onMethods.forEach((method, repeated) -> repeated.forEach(
                annotation -> register(new Registration(annotation, List.of(), null), method, bean, beanName)));
        List<BackpressuredListener> onClass = repeated(type);
        if (!onClass.isEmpty()) {
            registerClass(onClass, type, bean, beanName);
        }
        return !onMethods.isEmpty() || !onClass.isEmpty();
    }

    private static List<BackpressuredListener> repeated(AnnotatedElement element) {
        if (!AnnotatedElementUtils.hasAnnotation(element, BackpressuredListeners.class)) {
            return List.of();
        }
        return MergedAnnotations.from(element, SearchStrategy.TYPE_HIERARCHY, CONTAINER).stream(
                        BackpressuredListener.class)
                .map(annotation -> annotation.synthesize())
                .toList();
    }

    private void registerClass(List<BackpressuredListener> repeated, Class<?> type, Object bean, String beanName) {
        if (AnnotatedElementUtils.hasAnnotation(type, RetryableTopic.class)) {
            throw new IllegalStateException("@RetryableTopic on " + type.getName()
                    + " cannot be combined with repeated @BackpressuredListener annotations of the class. Put each of"
                    + " them on a class of its own.");
        }
        Set<Method> found = MethodIntrospector.selectMethods(
                type, (Method method) -> AnnotatedElementUtils.hasAnnotation(method, KafkaHandler.class));
        List<Method> handlers = new ArrayList<>();
        Method defaultHandler = null;
        for (Method method : found) {
            Method invocable = AopUtils.selectInvocableMethod(method, bean.getClass());
            handlers.add(invocable);
            KafkaHandler handler = AnnotatedElementUtils.findMergedAnnotation(method, KafkaHandler.class);
            if (handler != null && handler.isDefault()) {
                defaultHandler = invocable;
            }
        }
        if (handlers.isEmpty()) {
            throw new IllegalStateException("No @KafkaHandler methods in bean '" + beanName + "' of " + type);
        }
        for (BackpressuredListener annotation : repeated) {
            register(
                    new Registration(annotation, handlers, defaultHandler),
                    found.iterator().next(),
                    bean,
                    beanName);
        }
    }

    private void register(Registration registration, Method method, Object bean, String beanName) {
        KafkaListener listener = MergedAnnotations.from(registration.annotation())
                .get(KafkaListener.class)
                .synthesize();
        if (resolved(listener.id()) instanceof String id && StringUtils.hasText(id)) {
            annotations.put(id, registration.annotation());
        } else if (AnnotatedElementUtils.hasAnnotation(method, RetryableTopic.class)) {
            throw new IllegalStateException("@RetryableTopic on " + method + " needs an id on each of its repeated"
                    + " @BackpressuredListener annotations: the listeners of retry topics get their settings by it.");
        }
        REGISTERING.set(registration);
        try {
            processKafkaListener(listener, method, bean, beanName);
        } finally {
            REGISTERING.remove();
        }
    }

    @Override
    protected synchronized void processKafkaListener(
            KafkaListener kafkaListener, Method method, Object bean, String beanName) {
        super.processKafkaListener(kafkaListener, method, bean, beanName);
        Registration registration = REGISTERING.get();
        checkFactory(
                registration != null
                        ? registration.annotation()
                        : AnnotatedElementUtils.findMergedAnnotation(method, BackpressuredListener.class),
                beanName);
    }

    /** Refuses another kind of factory, whose container would be an ordinary one in all but the annotation's name. */
    private void checkFactory(@Nullable BackpressuredListener annotation, String beanName) {
        BeanFactory factories = beanFactory;
        if (annotation == null || factories == null) {
            return;
        }
        Object factory = resolved(annotation.containerFactory());
        if (factory instanceof String name) {
            factory = factories.containsBean(name) ? factories.getBean(name) : null;
        }
        if (factory != null && !(factory instanceof BackpressuredKafkaListenerContainerFactory<?, ?>)) {
            throw new IllegalStateException("A @BackpressuredListener of bean '" + beanName
                    + "' has containerFactory = \"" + annotation.containerFactory() + "\", which is not a "
                    + BackpressuredKafkaListenerContainerFactory.class.getSimpleName()
                    + ", so that nothing would limit what is in flight. Make that bean one: it has the same setters.");
        }
    }

    /** What an attribute says, its placeholders and expressions resolved; null for what only spring-kafka can resolve. */
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

    @Override
    protected void processListener(
            MethodKafkaListenerEndpoint<?, ?> endpoint,
            KafkaListener kafkaListener,
            Object bean,
            String beanName,
            String[] topics,
            TopicPartitionOffset[] partitions) {
        Registration registration = REGISTERING.get();
        MethodKafkaListenerEndpoint<?, ?> registered = endpoint;
        if (registration != null) {
            String id = endpoint.getId();
            if (id != null) {
                annotations.put(id, registration.annotation());
            }
            if (!registration.handlers().isEmpty()) {
                registered = new MultiMethodKafkaListenerEndpoint<>(
                        registration.handlers(), registration.defaultHandler(), bean);
                registered.setId(id);
            }
        }
        super.processListener(registered, kafkaListener, bean, beanName, topics, partitions);
        if (registered.isShareConsumer() && isBackpressured(registered, bean, registration)) {
            throw new IllegalStateException("The listener '" + registered.getId() + "' of bean '" + beanName
                    + "' is a @BackpressuredListener with the container factory of a share group, where the broker"
                    + " hands out single records and neither order nor offsets exist to be kept. Use @KafkaListener"
                    + " for share groups.");
        }
        if (registered instanceof MultiMethodKafkaListenerEndpoint && registration == null) {
            checkFactory(
                    AnnotatedElementUtils.findMergedAnnotation(
                            AopUtils.getTargetClass(bean), BackpressuredListener.class),
                    beanName);
        }
    }

    private static boolean isBackpressured(
            MethodKafkaListenerEndpoint<?, ?> endpoint, Object bean, @Nullable Registration registration) {
        return registration != null
                || AnnotatedElementUtils.hasAnnotation(AopUtils.getTargetClass(bean), BackpressuredListener.class)
                || (endpoint.getMethod() != null
                        && AnnotatedElementUtils.hasAnnotation(endpoint.getMethod(), BackpressuredListener.class));
    }
}
