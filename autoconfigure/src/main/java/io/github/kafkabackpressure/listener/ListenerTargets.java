package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.ListenerTarget.Ending;
import io.micrometer.observation.ObservationRegistry;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.listener.AfterRollbackProcessor;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.DelegatingMessageListener;
import org.springframework.kafka.listener.DeliveryAttemptAware;
import org.springframework.kafka.listener.ErrorHandlingUtils;
import org.springframework.kafka.listener.ListenerMetadata;
import org.springframework.kafka.listener.ListenerType;
import org.springframework.kafka.listener.ListenerUtils;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.OffsetAndMetadataProvider;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.listener.adapter.AsyncRepliesAware;
import org.springframework.kafka.listener.adapter.FilteringMessageListenerAdapter;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;
import org.springframework.kafka.listener.adapter.RecordMessagingMessageListenerAdapter;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.micrometer.MicrometerHolder;
import org.springframework.kafka.transaction.KafkaAwareTransactionManager;
import org.springframework.util.ClassUtils;
import org.springframework.util.StringUtils;

/**
 * Finds out from a container what its workers have to call, and refuses what they cannot honour.
 *
 * <p>Threading: the thread that starts the container.
 */
final class ListenerTargets {

    private static final boolean MICROMETER_PRESENT =
            ClassUtils.isPresent("io.micrometer.core.instrument.MeterRegistry", ListenerTargets.class.getClassLoader());

    private ListenerTargets() {}

    /** Refuses settings of the container that concurrent handling cannot honour, each with the way out. */
    static void check(BackpressuredMessageListenerContainer<?, ?> container, ListenerOptions options) {
        ContainerProperties properties = container.getContainerProperties();
        String id = container.getListenerId();
        checkTransactions(container, options);
        Object autoCommit = consumerProperties(container).get(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG);
        if (autoCommit != null && Boolean.parseBoolean(autoCommit.toString())) {
            throw new ListenerRefusedException(
                    "The listener '" + id
                            + "' has enable.auto.commit=true, which would commit records that are not finished.",
                    "Remove spring.kafka.consumer.enable-auto-commit.");
        }
        ErrorHandling.check(errorHandler(container), properties.getMessageListener() instanceof BatchMessageListener);
    }

    @SuppressWarnings({"deprecation", "removal"}) // a transaction manager may still have been set the old way
    private static void checkTransactions(
            BackpressuredMessageListenerContainer<?, ?> container, ListenerOptions options) {
        ContainerProperties properties = container.getContainerProperties();
        String start = "The listener '" + container.getListenerId() + "' has a Kafka transaction manager, ";
        String end = "Remove spring.kafka.producer.transaction-id-prefix, or use @KafkaListener.";
        if (properties.getKafkaAwareTransactionManager() == null) {
            if (properties.getTransactionManager() != null) {
                throw new ListenerRefusedException(
                        "The listener '" + container.getListenerId()
                                + "' has a transaction manager that is not Kafka's, whose transaction would span the"
                                + " hand-over to the workers, not the handling.",
                        "Put @Transactional on the listener's method instead.");
            }
        } else if (options.ordering() != Ordering.PARTITION) {
            throw new ListenerRefusedException(
                    start + "and a transaction commits one offset for a partition, below which everything must be"
                            + " finished; in " + options.ordering().name().toLowerCase(Locale.ROOT)
                            + " order records finish out of order.",
                    "Set ordering to partition. " + end);
        } else if (options.rememberProgress()) {
            throw new ListenerRefusedException(
                    start + "whose transactions commit offsets without the metadata that remember-progress needs.",
                    "Remove remember-progress: in partition order there is nothing to remember. " + end);
        } else if (properties.getMessageListener() instanceof BatchMessageListener) {
            throw new ListenerRefusedException(
                    start + "which is supported for single records only, not for batches.", end);
        } else if (!StringUtils.hasText(container.getGroupId())
                && consumerProperties(container).get(ConsumerConfig.GROUP_ID_CONFIG) == null) {
            throw new ListenerRefusedException(
                    start + "but no group whose offsets a transaction could commit.", "Set a group id. " + end);
        }
    }

    private static @Nullable RecordTransactions transactions(BackpressuredMessageListenerContainer<?, ?> container) {
        ContainerProperties properties = container.getContainerProperties();
        KafkaAwareTransactionManager<?, ?> manager = properties.getKafkaAwareTransactionManager();
        if (manager == null) {
            return null;
        }
        @SuppressWarnings("unchecked")
        AfterRollbackProcessor<Object, Object> afterRollback =
                (AfterRollbackProcessor<Object, Object>) container.getAfterRollbackProcessor();
        return new RecordTransactions(manager, afterRollback, container, offsetMetadata(container, properties));
    }

    private static CommonErrorHandler errorHandler(BackpressuredMessageListenerContainer<?, ?> container) {
        CommonErrorHandler handler = container.getCommonErrorHandler();
        return handler != null ? handler : new DefaultErrorHandler();
    }

    /** What the consumers of a container are made with: values of any type, as Kafka takes them. */
    static Map<String, Object> consumerProperties(BackpressuredMessageListenerContainer<?, ?> container) {
        Map<String, Object> all = new HashMap<>(container.consumerConfiguration());
        Properties own = container.getContainerProperties().getKafkaConsumerProperties();
        own.stringPropertyNames().forEach(name -> all.put(name, own.getProperty(name)));
        own.forEach((name, value) -> all.put(name.toString(), value));
        return all;
    }

    /** An admin client that asks the brokers that the container's consumers are connected to. */
    static Admin admin(BackpressuredMessageListenerContainer<?, ?> container) {
        Map<String, Object> properties = consumerProperties(container);
        properties.keySet().retainAll(AdminClientConfig.configNames());
        properties.remove(CommonClientConfigs.METRIC_REPORTER_CLASSES_CONFIG);
        properties.put(CommonClientConfigs.CLIENT_ID_CONFIG, container.getListenerId() + "-admin");
        return Admin.create(properties);
    }

    /** Makes the invoker of a run, which calls what the container is set to call now. */
    static Invoker invoker(
            BackpressuredMessageListenerContainer<?, ?> container,
            ConsumerFactory<?, ?> consumerFactory,
            ListenerRun run,
            Acknowledging acknowledging) {
        Object listener = container.getContainerProperties().getMessageListener();
        if (listener instanceof BatchMessageListener<?, ?> ofBatches) {
            return new BatchInvoker(run, target(container, ofBatches, acknowledging));
        }
        if (!(listener instanceof MessageListener<?, ?> ofRecords)) {
            throw new ListenerRefusedException(
                    "The listener of '" + container.getListenerId() + "' is "
                            + (listener == null
                                    ? "not set."
                                    : "a " + listener.getClass().getName() + "."),
                    "Set a MessageListener or a BatchMessageListener.");
        }
        ListenerTarget target = target(container, consumerFactory, ofRecords, acknowledging);
        return new RecordInvoker(run, target);
    }

    @SuppressWarnings("unchecked")
    private static ListenerTarget target(
            BackpressuredMessageListenerContainer<?, ?> container,
            ConsumerFactory<?, ?> consumerFactory,
            MessageListener<?, ?> listener,
            Acknowledging acknowledging) {
        ContainerProperties properties = container.getContainerProperties();
        CommonErrorHandler errorHandler = errorHandler(container);
        ObservationRegistry observations = observations(container, properties);
        Ending ending = ending(innermost(listener), properties.getAckMode(), acknowledging);
        RecordTransactions transactions = transactions(container);
        if (transactions != null && ending != Ending.BY_RETURN) {
            throw new ListenerRefusedException(
                    "The listener '" + container.getListenerId()
                            + "' has a Kafka transaction manager, whose transaction is over when the method returns, but"
                            + " its records end later, by an acknowledgment or an asynchronous result.",
                    "Let the method return when the record is done, without an Acknowledgment, or remove"
                            + " spring.kafka.producer.transaction-id-prefix.");
        }
        boolean decidesAfterRollback = transactions != null && container.getCommonErrorHandler() == null;
        return new ListenerTarget(
                (MessageListener<Object, Object>) listener,
                ListenerUtils.determineListenerType(listener),
                ending,
                isWatched(innermost(listener), ending),
                (RecordInterceptor<Object, Object>) container.getRecordInterceptor(),
                errorHandler,
                transactions,
                decidesAfterRollback,
                attempts(container, errorHandler, decidesAfterRollback),
                infoHeader(container),
                properties.isCheckDeserExWhenKeyNull() || deserializesWithErrors(container, consumerFactory, false),
                properties.isCheckDeserExWhenValueNull() || deserializesWithErrors(container, consumerFactory, true),
                observations,
                properties.getObservationConvention(),
                observeInAdapter(listener, observations),
                clusterId(container),
                observations.isNoop() ? timers(container, properties) : null,
                container.getGroupId(),
                container);
    }

    @SuppressWarnings("unchecked")
    private static BatchTarget target(
            BackpressuredMessageListenerContainer<?, ?> container,
            BatchMessageListener<?, ?> listener,
            Acknowledging acknowledging) {
        ContainerProperties properties = container.getContainerProperties();
        ObservationRegistry observations = properties.isRecordObservationsInBatch()
                ? observations(container, properties)
                : ObservationRegistry.NOOP;
        Ending ending = ending(innermost(listener), properties.getAckMode(), acknowledging);
        return new BatchTarget(
                (BatchMessageListener<Object, Object>) listener,
                ListenerUtils.determineListenerType(listener),
                ending,
                isWatched(innermost(listener), ending),
                (BatchInterceptor<Object, Object>) container.getBatchInterceptor(),
                errorHandler(container),
                infoHeader(container),
                observations,
                properties.getObservationConvention(),
                clusterId(container),
                properties.isObservationEnabled() && properties.isRecordObservationsInBatch()
                        ? null
                        : timers(container, properties),
                container.getGroupId(),
                container);
    }

    private static @Nullable DeliveryAttemptAware attempts(
            BackpressuredMessageListenerContainer<?, ?> container,
            CommonErrorHandler errorHandler,
            boolean decidesAfterRollback) {
        if (!container.getContainerProperties().isDeliveryAttemptHeader()) {
            return null;
        }
        if (decidesAfterRollback) {
            return container.getAfterRollbackProcessor() instanceof DeliveryAttemptAware aware ? aware : null;
        }
        return errorHandler.deliveryAttemptHeader() ? errorHandler : null;
    }

    private static @Nullable Header infoHeader(BackpressuredMessageListenerContainer<?, ?> container) {
        byte[] info = container.getListenerInfo();
        return info == null ? null : new RecordHeader(KafkaHeaders.LISTENER_INFO, info);
    }

    private static Ending ending(Object listener, AckMode ackMode, Acknowledging acknowledging) {
        boolean manual = ackMode == AckMode.MANUAL || ackMode == AckMode.MANUAL_IMMEDIATE;
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

    private static boolean isWatched(Object listener, Ending ending) {
        return ending == Ending.BY_RESULT
                && listener instanceof MessagingMessageListenerAdapter<?, ?> adapter
                && WatchedHandler.watch(adapter);
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

    private static boolean deserializesWithErrors(
            BackpressuredMessageListenerContainer<?, ?> container, ConsumerFactory<?, ?> factory, boolean value) {
        return ErrorHandlingUtils.checkDeserializer(
                factory,
                container.getContainerProperties().getKafkaConsumerProperties(),
                value,
                ListenerTargets.class.getClassLoader());
    }

    private static ObservationRegistry observations(
            BackpressuredMessageListenerContainer<?, ?> container, ContainerProperties properties) {
        if (!properties.isObservationEnabled()) {
            return ObservationRegistry.NOOP;
        }
        ObservationRegistry registry = properties.getObservationRegistry();
        ApplicationContext context = container.context();
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

    private static Supplier<@Nullable String> clusterId(BackpressuredMessageListenerContainer<?, ?> container) {
        KafkaAdmin admin = container.getKafkaAdmin();
        ApplicationContext context = container.context();
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

    private static @Nullable ListenerTimers timers(
            BackpressuredMessageListenerContainer<?, ?> container, ContainerProperties properties) {
        if (!MICROMETER_PRESENT || !properties.isMicrometerEnabled()) {
            return null;
        }
        Function<ConsumerRecord<?, ?>, Map<String, String>> ofRecord = properties.getMicrometerTagsProvider();
        Function<String, MicrometerHolder> maker = name -> new MicrometerHolder(
                container.context(), name, "spring.kafka.listener", "Kafka Listener Timer", record -> {
                    Map<String, String> tags = new HashMap<>(properties.getMicrometerTags());
                    if (ofRecord != null && record != null) {
                        tags.putAll(ofRecord.apply((ConsumerRecord<?, ?>) record));
                    }
                    return tags;
                });
        try {
            maker.apply(container.getListenerId() + "-0").destroy();
        } catch (IllegalStateException e) {
            return null; // there is no registry of meters, or more than one
        }
        return new ListenerTimers(maker, ofRecord != null);
    }

    /** What is committed for an offset, by the user's provider if there is one. */
    static LongFunction<OffsetAndMetadata> offsetMetadata(
            BackpressuredMessageListenerContainer<?, ?> container, ContainerProperties properties) {
        OffsetAndMetadataProvider provider = properties.getOffsetAndMetadataProvider();
        if (provider == null) {
            return OffsetAndMetadata::new;
        }
        ListenerMetadata metadata = new ListenerMetadata() {
            @Override
            public String getListenerId() {
                return container.getListenerId();
            }

            @Override
            public String getGroupId() {
                String group = container.getGroupId();
                return group == null ? "" : group;
            }

            @Override
            public byte[] getListenerInfo() {
                byte[] info = container.getListenerInfo();
                return info == null ? new byte[0] : info;
            }
        };
        return offset -> provider.provide(metadata, offset);
    }
}
