package io.github.kafkabackpressure.listener;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.ConsumerPostProcessor;

/**
 * A consumer factory whose consumers are those of another one, decorated by the container that it belongs to.
 *
 * <p>Threading: that of the factory behind it; the decorator is set before the container can start.
 */
final class BackpressuredConsumerFactory<K, V> implements ConsumerFactory<K, V> {

    private final ConsumerFactory<K, V> delegate;

    private @Nullable Decorator<K, V> decorator;

    /** What makes the consumers: {@link #delegate}, or one like it whose consumers keep the bytes of records. */
    private ConsumerFactory<K, V> maker;

    /** Changes the properties of a consumer to be made, and decorates it when it is. */
    interface Decorator<K, V> {

        Consumer<K, V> decorate(
                @Nullable String clientIdSuffix, Properties properties, Function<Properties, Consumer<K, V>> creator);
    }

    BackpressuredConsumerFactory(ConsumerFactory<K, V> delegate) {
        this.delegate = delegate;
        this.maker = delegate;
    }

    /** Has the consumers keep the bytes of their records. */
    void keepBytes() {
        maker = WireConsumers.factory(delegate);
    }

    void setDecorator(Decorator<K, V> decorator) {
        this.decorator = decorator;
    }

    @Override
    public Consumer<K, V> createConsumer(
            @Nullable String groupId,
            @Nullable String clientIdPrefix,
            @Nullable String clientIdSuffix,
            @Nullable Properties properties) {
        if (decorator == null) {
            throw new IllegalStateException("the container has not been made yet");
        }
        Properties changed = new Properties();
        if (properties != null) {
            changed.putAll(properties);
        }
        return decorator.decorate(
                clientIdSuffix, changed, props -> maker.createConsumer(groupId, clientIdPrefix, clientIdSuffix, props));
    }

    @Override
    public boolean isAutoCommit() {
        return delegate.isAutoCommit();
    }

    /** Empty for a factory that has none to show, as a mock or one of the user's own may not. */
    @Override
    @SuppressWarnings("NullAway") // which a mock answers with null for
    public Map<String, Object> getConfigurationProperties() {
        try {
            Map<String, Object> properties = delegate.getConfigurationProperties();
            return properties == null ? Map.of() : properties;
        } catch (UnsupportedOperationException e) {
            return Map.of();
        }
    }

    @Override
    public @Nullable Deserializer<K> getKeyDeserializer() {
        return delegate.getKeyDeserializer();
    }

    @Override
    public @Nullable Deserializer<V> getValueDeserializer() {
        return delegate.getValueDeserializer();
    }

    @Override
    public boolean removeListener(Listener<K, V> listener) {
        return delegate.removeListener(listener);
    }

    @Override
    public void addListener(int index, Listener<K, V> listener) {
        delegate.addListener(index, listener);
    }

    @Override
    public void addListener(Listener<K, V> listener) {
        delegate.addListener(listener);
    }

    @Override
    public List<Listener<K, V>> getListeners() {
        return delegate.getListeners();
    }

    @Override
    public void addPostProcessor(ConsumerPostProcessor<K, V> postProcessor) {
        delegate.addPostProcessor(postProcessor);
    }

    @Override
    public boolean removePostProcessor(ConsumerPostProcessor<K, V> postProcessor) {
        return delegate.removePostProcessor(postProcessor);
    }

    @Override
    public List<ConsumerPostProcessor<K, V>> getPostProcessors() {
        return delegate.getPostProcessors();
    }

    @Override
    public void updateConfigs(Map<String, Object> updates) {
        delegate.updateConfigs(updates);
    }

    @Override
    public void removeConfig(String configKey) {
        delegate.removeConfig(configKey);
    }
}
