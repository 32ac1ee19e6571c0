package io.github.kafkabackpressure.listener;

import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.ListenerMetadata;
import org.springframework.kafka.listener.OffsetAndMetadataProvider;

/**
 * A container as those see it who check it and put its runs together.
 *
 * <p>Threading: the thread that starts the container, and the consumers' threads.
 *
 * @param container the container
 * @param factory makes its consumers, before what the container changes about them
 * @param context the application's context, which may be set late or not at all
 */
record ContainerParts(
        ConcurrentMessageListenerContainer<?, ?> container,
        ConsumerFactory<?, ?> factory,
        Supplier<@Nullable ApplicationContext> context) {

    String id() {
        return container.getListenerId();
    }

    ContainerProperties properties() {
        return container.getContainerProperties();
    }

    /** The user's error handler, or spring-kafka's. */
    CommonErrorHandler errorHandler() {
        CommonErrorHandler handler = container.getCommonErrorHandler();
        return handler != null ? handler : new DefaultErrorHandler();
    }

    /** What the consumers are made with: values of any type, as Kafka takes them. */
    Map<String, Object> consumerProperties() {
        Map<String, Object> all = new HashMap<>(factory.getConfigurationProperties());
        Properties own = properties().getKafkaConsumerProperties();
        own.stringPropertyNames().forEach(name -> all.put(name, own.getProperty(name)));
        own.forEach((name, value) -> all.put(name.toString(), value));
        return all;
    }

    /** What the consumers are made with, as a text. */
    String consumerProperty(String key, String fallback) {
        Object set = consumerProperties().get(key);
        return set == null ? fallback : set.toString();
    }

    /** Makes an admin client that asks the brokers that the consumers are connected to. */
    Admin admin() {
        Map<String, Object> properties = consumerProperties();
        properties.keySet().retainAll(AdminClientConfig.configNames());
        properties.remove(CommonClientConfigs.METRIC_REPORTER_CLASSES_CONFIG);
        properties.put(CommonClientConfigs.CLIENT_ID_CONFIG, id() + "-admin");
        return Admin.create(properties);
    }

    /** What is committed for an offset, by the user's provider if there is one. */
    LongFunction<OffsetAndMetadata> offsetMetadata() {
        OffsetAndMetadataProvider provider = properties().getOffsetAndMetadataProvider();
        if (provider == null) {
            return OffsetAndMetadata::new;
        }
        ListenerMetadata metadata = new ListenerMetadata() {
            @Override
            public String getListenerId() {
                return id();
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
