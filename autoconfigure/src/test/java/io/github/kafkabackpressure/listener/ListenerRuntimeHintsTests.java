package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.kafka.listener.CommonDelegatingErrorHandler;
import org.springframework.kafka.listener.CommonMixedErrorHandler;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;

class ListenerRuntimeHintsTests {

    private final RuntimeHints hints = new RuntimeHints();

    ListenerRuntimeHintsTests() {
        new ListenerRuntimeHints().registerHints(hints, getClass().getClassLoader());
    }

    @Test
    void errorHandlersCanBeAskedWhichMethodsTheyImplement() throws NoSuchMethodException {
        assertThat(RuntimeHintsPredicates.reflection()
                        .onMethodInvocation(DefaultErrorHandler.class.getMethod(
                                "handleOne",
                                Exception.class,
                                ConsumerRecord.class,
                                Consumer.class,
                                MessageListenerContainer.class)))
                .accepts(hints);
    }

    @Test
    void delegatingErrorHandlersCanBeAskedForTheirDelegates() throws NoSuchFieldException {
        assertThat(RuntimeHintsPredicates.reflection().onFieldAccess(CommonDelegatingErrorHandler.class, "delegates"))
                .accepts(hints);
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(CommonDelegatingErrorHandler.class, "defaultErrorHandler"))
                .accepts(hints);
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(CommonMixedErrorHandler.class, "recordErrorHandler"))
                .accepts(hints);
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(CommonMixedErrorHandler.class, "batchErrorHandler"))
                .accepts(hints);
    }

    @Test
    void adaptersCanBeAskedForTheirHandlers() throws NoSuchFieldException {
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(MessagingMessageListenerAdapter.class, "handlerMethod"))
                .accepts(hints);
    }

    @Test
    void containerPropertiesCanBeCopied() throws NoSuchMethodException {
        assertThat(RuntimeHintsPredicates.reflection()
                        .onMethodInvocation(ContainerProperties.class.getMethod("setPollTimeout", long.class)))
                .accepts(hints);
    }

    @Test
    void keysCanBeAskedWhetherTheyCanBeCompared() throws NoSuchMethodException {
        assertThat(RuntimeHintsPredicates.reflection().onMethodInvocation(Long.class.getMethod("equals", Object.class)))
                .accepts(hints);
    }

    @Test
    void repeatedAnnotationsCanBePutTogether() {
        assertThat(RuntimeHintsPredicates.proxies().forInterfaces(BackpressuredListener.class))
                .accepts(hints);
    }

    @Test
    void theSettingsOfAnotherContainerFactoryCanBeTakenOver() throws NoSuchFieldException {
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(
                                org.springframework.kafka.config.AbstractKafkaListenerContainerFactory.class,
                                "commonErrorHandler"))
                .accepts(hints);
        assertThat(RuntimeHintsPredicates.reflection()
                        .onFieldAccess(
                                org.springframework.kafka.config.KafkaListenerEndpointRegistrar.class,
                                "containerFactory"))
                .accepts(hints);
    }
}
