package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerRefusedException;
import java.beans.PropertyDescriptor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.BeanUtils;
import org.springframework.kafka.config.AbstractKafkaListenerContainerFactory;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistrar;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.util.ReflectionUtils;

/**
 * Takes over what one container factory is set to by another: what an application has configured for its
 * {@code @KafkaListener} methods holds for those with {@code @BackpressuredListener} too. spring-kafka's factories can
 * be set but not asked, so their fields are read.
 *
 * <p>Threading: stateless.
 */
final class ContainerFactories {

    /** What a subclass may override to make containers that are other than its settings say. */
    private static final Set<String> MAKING = Set.of(
            "createContainerInstance",
            "initializeContainer",
            "customizeContainer",
            "createContainer",
            "createListenerContainer");

    private ContainerFactories() {}

    /** The factory that a registrar has been given for listeners that name none; null if it has none. */
    static @Nullable Object ofRegistrar(KafkaListenerEndpointRegistrar registrar) {
        Field field = Objects.requireNonNull(
                ReflectionUtils.findField(KafkaListenerEndpointRegistrar.class, "containerFactory"));
        ReflectionUtils.makeAccessible(field);
        return ReflectionUtils.getField(field, registrar);
    }

    /**
     * Copies settings; what the one that takes them has been set to itself stays.
     *
     * @param name the bean name of the one that gives, for messages
     * @param isOfThisKind whether the one that gives is a factory of such containers itself
     * @throws ListenerRefusedException if containers are more than the settings of their factory
     */
    static void takeOver(
            ConcurrentKafkaListenerContainerFactory<?, ?> taker,
            KafkaListenerContainerFactory<?> giver,
            String name,
            boolean isOfThisKind) {
        if (!(giver instanceof ConcurrentKafkaListenerContainerFactory<?, ?> factory)) {
            throw refused(name, giver, "is not a ConcurrentKafkaListenerContainerFactory");
        }
        if (!isOfThisKind) {
            checkMakesNoOthers(factory, name);
        }
        copyFields(AbstractKafkaListenerContainerFactory.class, factory, taker);
        copyFields(ConcurrentKafkaListenerContainerFactory.class, factory, taker);
        copyContainerProperties(factory.getContainerProperties(), taker.getContainerProperties());
    }

    private static void checkMakesNoOthers(ConcurrentKafkaListenerContainerFactory<?, ?> factory, String name) {
        for (Class<?> type = AopUtils.getTargetClass(factory);
                type != null && type != ConcurrentKafkaListenerContainerFactory.class;
                type = type.getSuperclass()) {
            for (Method method : type.getDeclaredMethods()) {
                if (!method.isSynthetic() && MAKING.contains(method.getName())) {
                    throw refused(name, factory, "overrides " + method.getName() + "()");
                }
            }
        }
    }

    private static ListenerRefusedException refused(String name, KafkaListenerContainerFactory<?> giver, String why) {
        return new ListenerRefusedException(
                "The container factory '" + name + "' (" + giver.getClass().getName() + ") " + why
                        + ", so @BackpressuredListener methods cannot take over what its containers are set to.",
                "Make a bean of the type BackpressuredKafkaListenerContainerFactory"
                        + " with the name '" + io.github.kafkabackpressure.BackpressuredListener.CONTAINER_FACTORY
                        + "', set as these listeners need it: it has the same setters.");
    }

    private static void copyFields(Class<?> declaring, Object from, Object to) {
        for (Field field : declaring.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isFinal(field.getModifiers())) {
                ReflectionUtils.makeAccessible(field);
                Object value = ReflectionUtils.getField(field, from);
                if (value != null && ReflectionUtils.getField(field, to) == null) {
                    ReflectionUtils.setField(field, to, value);
                }
            }
        }
    }

    private static void copyContainerProperties(ContainerProperties from, ContainerProperties to) {
        ContainerProperties unset = new ContainerProperties((Pattern) null);
        for (PropertyDescriptor property : BeanUtils.getPropertyDescriptors(ContainerProperties.class)) {
            Method getter = property.getReadMethod();
            Method setter = property.getWriteMethod();
            if (getter != null && setter != null) {
                Object value = ReflectionUtils.invokeMethod(getter, from);
                Object own = ReflectionUtils.invokeMethod(getter, to);
                Object byDefault = ReflectionUtils.invokeMethod(getter, unset);
                if (!Objects.deepEquals(value, own) && Objects.deepEquals(own, byDefault)) {
                    ReflectionUtils.invokeMethod(setter, to, value);
                }
            }
        }
    }
}
