package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.BackpressuredListeners;
import io.github.kafkabackpressure.listener.handle.WatchedHandler;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;
import org.springframework.aot.hint.TypeReference;
import org.springframework.kafka.config.AbstractKafkaListenerContainerFactory;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistrar;
import org.springframework.kafka.listener.CommonContainerStoppingErrorHandler;
import org.springframework.kafka.listener.CommonDelegatingErrorHandler;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonLoggingErrorHandler;
import org.springframework.kafka.listener.CommonMixedErrorHandler;
import org.springframework.kafka.listener.ConsumerProperties;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.adapter.HandlerAdapter;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;

/**
 * What the listener side reflects on, for native images: error handlers are asked which methods they implement, adapters
 * for their handlers, container properties and the settings of another container factory are copied, keys are asked
 * whether they can be compared, and annotations are put together from attributes. A user's own error handler or key
 * class needs a hint of its own for its public methods.
 *
 * <p>Threading: stateless.
 */
public final class ListenerRuntimeHints implements RuntimeHintsRegistrar {

    /** Makes it. */
    public ListenerRuntimeHints() {}

    @Override
    public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
        Stream.of(
                        CommonErrorHandler.class,
                        DefaultErrorHandler.class,
                        CommonLoggingErrorHandler.class,
                        CommonContainerStoppingErrorHandler.class)
                .forEach(type -> hints.reflection().registerType(type, MemberCategory.INVOKE_PUBLIC_METHODS));
        hints.reflection()
                .registerType(
                        TypeReference.of(CommonMixedErrorHandler.class),
                        type -> type.withMembers(MemberCategory.INVOKE_PUBLIC_METHODS)
                                .withField("recordErrorHandler")
                                .withField("batchErrorHandler"))
                .registerType(
                        TypeReference.of(CommonDelegatingErrorHandler.class),
                        type -> type.withMembers(MemberCategory.INVOKE_PUBLIC_METHODS)
                                .withField("delegates")
                                .withField("defaultErrorHandler"))
                .registerType(
                        TypeReference.of(MessagingMessageListenerAdapter.class),
                        type -> type.withField(WatchedHandler.FIELD))
                .registerType(ConsumerProperties.class, MemberCategory.INVOKE_PUBLIC_METHODS)
                .registerType(ContainerProperties.class, MemberCategory.INVOKE_PUBLIC_METHODS);
        Stream.of(Short.class, Integer.class, Long.class, Float.class, Double.class, UUID.class, Bytes.class)
                .forEach(type -> hints.reflection().registerType(type, MemberCategory.INVOKE_PUBLIC_METHODS));
        hints.reflection()
                .registerType(AbstractKafkaListenerContainerFactory.class, MemberCategory.ACCESS_DECLARED_FIELDS)
                .registerType(ConcurrentKafkaListenerContainerFactory.class, MemberCategory.ACCESS_DECLARED_FIELDS);
        hints.reflection()
                .registerType(
                        TypeReference.of(KafkaListenerEndpointRegistrar.class),
                        type -> type.withField("containerFactory"))
                .registerType(TypeReference.of(HandlerAdapter.class), type -> type.withField("delegatingHandler"))
                .registerType(RepeatedListenersPostProcessor.class, MemberCategory.INVOKE_PUBLIC_METHODS)
                .registerType(WireDeserializer.class, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS)
                .registerType(
                        ListenerSettings.class,
                        MemberCategory.INVOKE_DECLARED_CONSTRUCTORS,
                        MemberCategory.INVOKE_PUBLIC_METHODS);
        Stream.of(BackpressuredListener.class, BackpressuredListeners.class)
                .forEach(type -> hints.reflection().registerType(type, MemberCategory.INVOKE_DECLARED_METHODS));
        hints.proxies().registerJdkProxy(BackpressuredListener.class);
    }
}
