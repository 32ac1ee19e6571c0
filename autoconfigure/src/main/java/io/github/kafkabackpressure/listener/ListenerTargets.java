package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.listener.handle.Acknowledging;
import io.github.kafkabackpressure.listener.handle.AttemptSurroundings;
import io.github.kafkabackpressure.listener.handle.BatchInvoker;
import io.github.kafkabackpressure.listener.handle.BatchTarget;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.handle.ListenerTarget;
import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.ListenerTimers;
import io.github.kafkabackpressure.listener.handle.RecordInvoker;
import io.github.kafkabackpressure.listener.handle.RecordTransactions;
import io.github.kafkabackpressure.listener.handle.ReturningHandlers;
import io.github.kafkabackpressure.listener.handle.WatchedHandler;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.micrometer.observation.ObservationRegistry;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.listener.AfterRollbackProcessor;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.DelegatingMessageListener;
import org.springframework.kafka.listener.DeliveryAttemptAware;
import org.springframework.kafka.listener.ErrorHandlingUtils;
import org.springframework.kafka.listener.ListenerType;
import org.springframework.kafka.listener.ListenerUtils;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.listener.adapter.AsyncRepliesAware;
import org.springframework.kafka.listener.adapter.FilteringMessageListenerAdapter;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;
import org.springframework.kafka.listener.adapter.RecordMessagingMessageListenerAdapter;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.micrometer.MicrometerHolder;
import org.springframework.kafka.transaction.KafkaAwareTransactionManager;
import org.springframework.util.ClassUtils;

/**
 * Finds out from a container what its workers have to call.
 *
 * <p>Threading: the thread that starts the container.
 */
final class ListenerTargets {

    private static final boolean MICROMETER_PRESENT =
            ClassUtils.isPresent("io.micrometer.core.instrument.MeterRegistry", ListenerTargets.class.getClassLoader());

    private ListenerTargets() {}

    private static @Nullable RecordTransactions transactions(ContainerParts parts) {
        ContainerProperties properties = parts.properties();
        KafkaAwareTransactionManager<?, ?> manager = properties.getKafkaAwareTransactionManager();
        if (manager == null) {
            return null;
        }
        @SuppressWarnings("unchecked")
        AfterRollbackProcessor<Object, Object> afterRollback =
                (AfterRollbackProcessor<Object, Object>) parts.container().getAfterRollbackProcessor();
        return new RecordTransactions(manager, afterRollback, parts.container(), parts.offsetMetadata());
    }

    /** Makes the invoker of a run, which calls what the container is set to call now. */
    static Invoker invoker(ContainerParts parts, ListenerRun run, Acknowledging acknowledging) {
        Object listener = parts.properties().getMessageListener();
        if (listener instanceof BatchMessageListener<?, ?> ofBatches) {
            return new BatchInvoker(run, batchTarget(parts, ofBatches, acknowledging));
        }
        if (!(listener instanceof MessageListener<?, ?> ofRecords)) {
            throw new ListenerRefusedException(
                    "The listener of '" + parts.id() + "' is "
                            + (listener == null
                                    ? "not set."
                                    : "a " + listener.getClass().getName() + "."),
                    "Set a MessageListener or a BatchMessageListener.");
        }
        ListenerTarget target = target(parts, ofRecords, acknowledging);
        return new RecordInvoker(run, target);
    }

    @SuppressWarnings("unchecked")
    private static ListenerTarget target(
            ContainerParts parts, MessageListener<?, ?> listener, Acknowledging acknowledging) {
        ContainerProperties properties = parts.properties();
        CommonErrorHandler errorHandler = parts.errorHandler();
        ObservationRegistry observations = observations(parts, properties);
        Ending ending = ending(innermost(listener), properties.getAckMode(), acknowledging);
        RecordTransactions transactions = transactions(parts);
        if (transactions != null && ending != Ending.BY_RETURN) {
            throw new ListenerRefusedException(
                    "The listener '" + parts.id()
                            + "' has a Kafka transaction manager, whose transaction is over when the method returns, but"
                            + " its records end later, by an acknowledgment or an asynchronous result.",
                    "Let the method return when the record is done, without an Acknowledgment, or remove"
                            + " spring.kafka.producer.transaction-id-prefix.");
        }
        boolean decidesAfterRollback = transactions != null && parts.container().getCommonErrorHandler() == null;
        return new ListenerTarget(
                (MessageListener<Object, Object>) listener,
                ListenerUtils.determineListenerType(listener),
                ending,
                isWatched(innermost(listener), ending, properties.getAckMode(), acknowledging),
                (RecordInterceptor<Object, Object>) parts.container().getRecordInterceptor(),
                errorHandler,
                transactions,
                decidesAfterRollback,
                attempts(parts, errorHandler, decidesAfterRollback),
                properties.isCheckDeserExWhenKeyNull() || deserializesWithErrors(parts, false),
                properties.isCheckDeserExWhenValueNull() || deserializesWithErrors(parts, true),
                observeInAdapter(listener, observations),
                surroundings(parts, observations, observations.isNoop()),
                parts.container());
    }

    @SuppressWarnings("unchecked")
    private static BatchTarget batchTarget(
            ContainerParts parts, BatchMessageListener<?, ?> listener, Acknowledging acknowledging) {
        ContainerProperties properties = parts.properties();
        ObservationRegistry observations =
                properties.isRecordObservationsInBatch() ? observations(parts, properties) : ObservationRegistry.NOOP;
        Ending ending = ending(innermost(listener), properties.getAckMode(), acknowledging);
        return new BatchTarget(
                (BatchMessageListener<Object, Object>) listener,
                ListenerUtils.determineListenerType(listener),
                ending,
                isWatched(innermost(listener), ending, properties.getAckMode(), acknowledging),
                (BatchInterceptor<Object, Object>) parts.container().getBatchInterceptor(),
                parts.errorHandler(),
                surroundings(
                        parts,
                        observations,
                        !(properties.isObservationEnabled() && properties.isRecordObservationsInBatch())),
                parts.container());
    }

    private static AttemptSurroundings surroundings(
            ContainerParts parts, ObservationRegistry observations, boolean hasTimers) {
        ContainerProperties properties = parts.properties();
        return new AttemptSurroundings(
                parts.container().getGroupId(),
                infoHeader(parts),
                observations,
                properties.getObservationConvention(),
                clusterId(parts),
                hasTimers ? timers(parts, properties) : null);
    }

    private static @Nullable DeliveryAttemptAware attempts(
            ContainerParts parts, CommonErrorHandler errorHandler, boolean decidesAfterRollback) {
        if (!parts.properties().isDeliveryAttemptHeader()) {
            return null;
        }
        if (decidesAfterRollback) {
            return parts.container().getAfterRollbackProcessor() instanceof DeliveryAttemptAware aware ? aware : null;
        }
        return errorHandler.deliveryAttemptHeader() ? errorHandler : null;
    }

    private static @Nullable Header infoHeader(ContainerParts parts) {
        byte[] info = parts.container().getListenerInfo();
        return info == null ? null : new RecordHeader(KafkaHeaders.LISTENER_INFO, info);
    }

    private static Ending ending(Object listener, AckMode ackMode, Acknowledging acknowledging) {
        boolean manual = isManual(ackMode);
        if (listener instanceof AsyncRepliesAware aware && aware.isAsyncReplies()) {
            return Ending.BY_RESULT;
        }
        if (listener instanceof MessagingMessageListenerAdapter<?, ?> adapter) {
            if (!acknowledging.byAny(manual)) {
                return Ending.BY_RETURN;
            }
            ReturningHandlers.install(adapter, acknowledging.returning(manual));
            return Ending.BY_ACKNOWLEDGMENT;
        }
        ListenerType type = ListenerUtils.determineListenerType(listener);
        boolean takesOne = type == ListenerType.ACKNOWLEDGING || type == ListenerType.ACKNOWLEDGING_CONSUMER_AWARE;
        return manual && takesOne ? Ending.BY_ACKNOWLEDGMENT : Ending.BY_RETURN;
    }

    private static boolean isWatched(Object listener, Ending ending, AckMode ackMode, Acknowledging acknowledging) {
        return ending == Ending.BY_RESULT
                && listener instanceof MessagingMessageListenerAdapter<?, ?> adapter
                && WatchedHandler.watch(adapter, acknowledging.acknowledging(isManual(ackMode)));
    }

    private static boolean isManual(AckMode ackMode) {
        return ackMode == AckMode.MANUAL || ackMode == AckMode.MANUAL_IMMEDIATE;
    }

    private static Object innermost(Object listener) {
        Object inner = listener;
        while (true) {
            // A proxy is the container's own, for its advice chain.
            Object next = inner instanceof DelegatingMessageListener<?> delegating
                    ? delegating.getDelegate()
                    : AopProxyUtils.getSingletonTarget(inner);
            if (next == null) {
                return inner;
            }
            inner = next;
        }
    }

    private static boolean deserializesWithErrors(ContainerParts parts, boolean value) {
        return ErrorHandlingUtils.checkDeserializer(
                parts.factory(),
                parts.properties().getKafkaConsumerProperties(),
                value,
                ListenerTargets.class.getClassLoader());
    }

    private static ObservationRegistry observations(ContainerParts parts, ContainerProperties properties) {
        if (!properties.isObservationEnabled()) {
            return ObservationRegistry.NOOP;
        }
        ObservationRegistry registry = properties.getObservationRegistry();
        ApplicationContext context = parts.context().get();
        if (registry.isNoop() && context != null) {
            ObservationRegistry unique =
                    context.getBeanProvider(ObservationRegistry.class).getIfUnique();
            return unique == null ? registry : unique;
        }
        return registry;
    }

    /** Lets the adapter end observations where it can, which is when an asynchronous result is there. */
    private static boolean observeInAdapter(Object listener, ObservationRegistry observations) {
        Object inner = innermost(listener);
        if (observations.isNoop() || inner.getClass() != RecordMessagingMessageListenerAdapter.class) {
            return false;
        }
        ((RecordMessagingMessageListenerAdapter<?, ?>) inner).setObservationRegistry(observations);
        for (Object outer = listener; outer instanceof DelegatingMessageListener<?> delegating; ) {
            if (outer instanceof FilteringMessageListenerAdapter<?, ?> filtering) {
                filtering.setObservationRegistry(observations);
            }
            outer = delegating.getDelegate();
        }
        return true;
    }

    private static Supplier<@Nullable String> clusterId(ContainerParts parts) {
        KafkaAdmin admin = parts.container().getKafkaAdmin();
        ApplicationContext context = parts.context().get();
        KafkaAdmin found = admin == null && context != null
                ? context.getBeanProvider(KafkaAdmin.class).getIfUnique()
                : admin;
        if (found == null) {
            return () -> null;
        }
        return new Supplier<>() {
            private volatile @Nullable String id;

            @Override
            public @Nullable String get() {
                if (id == null) {
                    id = found.clusterId();
                }
                return id;
            }
        };
    }

    private static @Nullable ListenerTimers timers(ContainerParts parts, ContainerProperties properties) {
        if (!MICROMETER_PRESENT || !properties.isMicrometerEnabled()) {
            return null;
        }
        Function<ConsumerRecord<?, ?>, Map<String, String>> ofRecord = properties.getMicrometerTagsProvider();
        Function<String, MicrometerHolder> maker = name -> new MicrometerHolder(
                parts.context().get(), name, "spring.kafka.listener", "Kafka Listener Timer", record -> {
                    Map<String, String> tags = new HashMap<>(properties.getMicrometerTags());
                    if (ofRecord != null && record != null) {
                        tags.putAll(ofRecord.apply((ConsumerRecord<?, ?>) record));
                    }
                    return tags;
                });
        try {
            maker.apply(parts.id() + "-0").destroy();
        } catch (IllegalStateException e) {
            return null; // there is no registry of meters, or more than one
        }
        return new ListenerTimers(maker, ofRecord != null);
    }
}
