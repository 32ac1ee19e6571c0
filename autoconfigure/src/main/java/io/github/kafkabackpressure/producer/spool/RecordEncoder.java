package io.github.kafkabackpressure.producer.spool;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.ProducerFactory;

/**
 * Turns a record into the bytes that would have been on the topic: through the interceptors of the factory's
 * configuration, then through its serializers, as the factory's own producers do.
 *
 * <p>Threading: one thread.
 */
final class RecordEncoder<K, V> implements AutoCloseable {

    private static final Log logger = LogFactory.getLog(RecordEncoder.class);

    private final List<ProducerInterceptor<K, V>> interceptors;
    private final Source<K> keys;
    private final Source<V> values;

    /** How many records could not be encoded, by what they failed with. */
    private final Map<String, Integer> failures = new HashMap<>();

    /** @throws RuntimeException if the factory's configuration does not say how */
    RecordEncoder(ProducerFactory<K, V> factory) {
        Map<String, Object> config = new HashMap<>(factory.getConfigurationProperties());
        Map<String, Object> complete = new HashMap<>(config);
        // Of which Kafka wants all, also where the factory has serializers of its own.
        complete.putIfAbsent(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, "localhost:9092");
        complete.putIfAbsent(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        complete.putIfAbsent(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        AbstractConfig parsed = new AbstractConfig(ProducerConfig.configDef(), complete, false);
        this.keys = source(factory::getKeySerializer, parsed, config, ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, true);
        this.values = source(
                factory::getValueSerializer, parsed, config, ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, false);
        this.interceptors = interceptors(parsed);
    }

    @SuppressWarnings("unchecked") // The configuration says what intercepts this factory's records.
    private static <K, V> List<ProducerInterceptor<K, V>> interceptors(AbstractConfig config) {
        return (List<ProducerInterceptor<K, V>>) (List<?>)
                config.getConfiguredInstances(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG, ProducerInterceptor.class);
    }

    @SuppressWarnings("unchecked") // The configuration says what serializes this factory's keys and values.
    private static <T> Source<T> source(
            Supplier<@Nullable Serializer<T>> own,
            AbstractConfig parsed,
            Map<String, Object> config,
            String property,
            boolean key) {
        Serializer<T> given = own.get();
        if (given != null) {
            return new Source<>(given, own);
        }
        if (!config.containsKey(property)) {
            throw new IllegalArgumentException("there is neither a serializer nor " + property);
        }
        Serializer<T> configured = parsed.getConfiguredInstance(property, Serializer.class);
        configured.configure(config, key);
        return new Source<>(configured, () -> null);
    }

    /** Null if the record cannot be encoded: it could never have been sent, and must not take others with it. */
    byte @Nullable [] encode(Undelivered<K, V> send) {
        try {
            ProducerRecord<K, V> record = send.record();
            ProducerRecord<K, V> sent = isSerialized(record) ? record : intercepted(copy(record, send.headersBefore()));
            // Of its own: serializers write headers, and those of a record that Kafka has serialized are read-only.
            Headers headers = new RecordHeaders(sent.headers().toArray());
            byte[] key = keys.serializer().serialize(sent.topic(), headers, sent.key());
            byte[] value = values.serializer().serialize(sent.topic(), headers, sent.value());
            return RecordBytes.encode(new ProducerRecord<>(
                    sent.topic(),
                    sent.partition(),
                    sent.timestamp(),
                    key,
                    value,
                    isSerialized(sent) ? sent.headers() : headers));
        } catch (IOException | RuntimeException | Error e) {
            failures.merge(LogText.types(e), 1, Integer::sum);
            return null;
        }
    }

    /** How many records could not be encoded, and what for; null if all could. */
    @Nullable String failures() {
        return failures.isEmpty() ? null : failures.toString();
    }

    /** Interceptors may write headers, too; those of Kafka's producer may have done so already. */
    private static <K, V> ProducerRecord<K, V> copy(ProducerRecord<K, V> record, Header @Nullable [] headers) {
        return new ProducerRecord<>(
                record.topic(),
                record.partition(),
                record.timestamp(),
                record.key(),
                record.value(),
                headers == null ? record.headers() : new RecordHeaders(headers));
    }

    /** As Kafka does: one that throws is passed over. */
    private ProducerRecord<K, V> intercepted(ProducerRecord<K, V> record) {
        ProducerRecord<K, V> intercepted = record;
        for (ProducerInterceptor<K, V> interceptor : interceptors) {
            try {
                intercepted = interceptor.onSend(intercepted);
            } catch (Exception e) {
                logger.debug("An interceptor failed: " + LogText.types(e));
            }
        }
        return intercepted;
    }

    /**
     * Kafka makes the headers of what its interceptors have returned read-only once it is serialized. So this is what
     * they have returned, and its headers are complete: a serializer that only adds would add its own a second time.
     */
    private static boolean isSerialized(ProducerRecord<?, ?> record) {
        return record.headers() instanceof RecordHeaders headers && headers.isReadOnly();
    }

    @Override
    public void close() {
        for (AutoCloseable closeable : interceptors) {
            close(closeable);
        }
        close(keys);
        close(values);
    }

    private static void close(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception e) {
            logger.debug("A serializer or interceptor could not be closed: " + LogText.types(e));
        }
    }

    /**
     * @param own gives the factory's own serializer, which its producers may share with us
     */
    private record Source<T>(Serializer<T> serializer, Supplier<@Nullable Serializer<T>> own) implements AutoCloseable {

        @Override
        public void close() {
            Serializer<T> another = own.get();
            if (another == serializer) {
                return;
            }
            serializer.close();
            if (another != null) {
                another.close();
            }
        }
    }
}
