package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.overload.WireHeader;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;

/**
 * A deserializer that keeps a record's bytes, which are what goes to {@code dropped-to}, beside what another one makes of
 * them: in a {@link WireHeader}, which the consumer's thread takes out again.
 *
 * <p>Threading: the consumer's thread.
 *
 * @param <T> what the other one makes
 */
public final class WireDeserializer<T> implements Deserializer<T> {

    private static final String PREFIX = "kafka.backpressure.wire.";

    private @Nullable Deserializer<T> delegate;

    private boolean isKey;

    /** Makes one whose delegate comes with its configuration. Called by Kafka. */
    public WireDeserializer() {}

    WireDeserializer(Deserializer<T> delegate) {
        this.delegate = delegate;
    }

    /** The property that names the class of the deserializer behind this one. */
    static String delegateProperty(boolean isKey) {
        return PREFIX + classProperty(isKey);
    }

    static String classProperty(boolean isKey) {
        return isKey ? ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG : ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG;
    }

    @Override
    @SuppressWarnings("unchecked")
    public void configure(Map<String, ?> configs, boolean forKey) {
        isKey = forKey;
        if (delegate == null) {
            Object type = Objects.requireNonNull(configs.get(delegateProperty(forKey)));
            try {
                delegate = (Deserializer<T>) Utils.newInstance(type.toString(), Deserializer.class);
            } catch (ClassNotFoundException e) {
                throw new IllegalStateException("there is no deserializer " + type, e);
            }
        }
        delegate.configure(configs, forKey);
    }

    private Deserializer<T> delegate() {
        return Objects.requireNonNull(delegate, "not configured");
    }

    @Override
    public T deserialize(String topic, byte[] data) {
        return delegate().deserialize(topic, data);
    }

    @Override
    public T deserialize(String topic, Headers headers, byte[] data) {
        keep(headers, data);
        return delegate().deserialize(topic, headers, data);
    }

    @Override
    public T deserialize(String topic, Headers headers, ByteBuffer data) {
        byte[] bytes = Utils.toNullableArray(data);
        keep(headers, bytes);
        return bytes == null
                ? delegate().deserialize(topic, headers, (byte[]) null)
                : delegate().deserialize(topic, headers, ByteBuffer.wrap(bytes.clone()));
    }

    private void keep(Headers headers, byte @Nullable [] bytes) {
        WireHeader kept = WireHeader.of(headers);
        if (kept == null) {
            kept = new WireHeader(headers.toArray());
            headers.add(kept);
        }
        if (isKey) {
            kept.recordKey = bytes;
        } else {
            kept.recordValue = bytes;
        }
    }

    @Override
    public void close() {
        if (delegate != null) {
            delegate.close();
        }
    }
}
