package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.DroppedRecordHeaders;
import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.listener.overload.DroppedSender;
import io.github.kafkabackpressure.listener.overload.QueuedRecord;
import io.github.kafkabackpressure.listener.overload.WireHeader;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;

/**
 * The topic {@code dropped-to}, written by a template that has everything of the application's own but the serializers:
 * the bytes go there as they came.
 *
 * <p>Threading: any thread.
 */
final class DroppedTopic implements DroppedSender.Target, AutoCloseable {

    /** A topic that is missing must not hold the thread for Kafka's minute. */
    private static final int MAX_BLOCK_MILLIS = 5_000;

    private static final int CLOSE_SECONDS = 2;

    private final String topic;

    private final DropCounts counts;

    private final DefaultKafkaProducerFactory<byte[], byte[]> factory;

    private final KafkaTemplate<byte[], byte[]> template;

    private DroppedTopic(String topic, DropCounts counts, DefaultKafkaProducerFactory<byte[], byte[]> factory) {
        this.topic = topic;
        this.counts = counts;
        this.factory = factory;
        this.template = new KafkaTemplate<>(factory);
    }

    /**
     * The topic of a listener.
     *
     * @throws ListenerRefusedException if the application has no template, or more than one and none that is primary
     */
    static DroppedTopic of(String id, String topic, ApplicationContext context, DropCounts counts) {
        ProducerFactory<?, ?> ofApplication = factory(context);
        if (ofApplication == null) {
            throw new ListenerRefusedException(
                    "The listener '" + id + "' sends dropped records to " + topic
                            + ", but there is no KafkaTemplate bean, or several of which none is primary.",
                    "Add one, make one primary, or remove dropped-to.");
        }
        Map<String, Object> properties = new HashMap<>(ofApplication.getConfigurationProperties());
        properties.remove(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        properties.remove(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG);
        properties.remove(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        Object block = properties.get(ProducerConfig.MAX_BLOCK_MS_CONFIG);
        if (block == null || Long.parseLong(block.toString()) > MAX_BLOCK_MILLIS) {
            properties.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, MAX_BLOCK_MILLIS);
        }
        DefaultKafkaProducerFactory<byte[], byte[]> factory =
                new DefaultKafkaProducerFactory<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        factory.setPhysicalCloseTimeout(CLOSE_SECONDS);
        factory.setApplicationContext(context);
        return new DroppedTopic(topic, counts, factory);
    }

    @SuppressWarnings("rawtypes")
    private static @Nullable ProducerFactory<?, ?> factory(ApplicationContext context) {
        KafkaTemplate template = context.getBeanProvider(KafkaTemplate.class).getIfUnique();
        return template != null
                ? template.getProducerFactory()
                : context.getBeanProvider(ProducerFactory.class).getIfUnique();
    }

    @Override
    public CompletionStage<?> write(QueuedRecord dropped, DropReason reason) {
        ConsumerRecord<?, ?> record = dropped.record();
        WireHeader wire = dropped.wire;
        RecordHeaders headers =
                new RecordHeaders(wire == null ? record.headers().toArray() : wire.headers);
        for (String name : List.of(
                DroppedRecordHeaders.ORIGINAL_TOPIC,
                DroppedRecordHeaders.ORIGINAL_PARTITION,
                DroppedRecordHeaders.ORIGINAL_OFFSET,
                DroppedRecordHeaders.ORIGINAL_TIMESTAMP,
                DroppedRecordHeaders.STRATEGY,
                DroppedRecordHeaders.REASON)) {
            headers.remove(name); // of a record that was dropped before
        }
        add(headers, DroppedRecordHeaders.ORIGINAL_TOPIC, record.topic());
        add(headers, DroppedRecordHeaders.ORIGINAL_PARTITION, record.partition());
        add(headers, DroppedRecordHeaders.ORIGINAL_OFFSET, record.offset());
        add(headers, DroppedRecordHeaders.ORIGINAL_TIMESTAMP, record.timestamp());
        add(headers, DroppedRecordHeaders.STRATEGY, counts.strategy(reason));
        add(headers, DroppedRecordHeaders.REASON, reason.text());
        return template.send(new ProducerRecord<>(
                topic,
                null,
                record.timestamp() < 0 ? null : record.timestamp(),
                wire == null ? null : wire.recordKey,
                wire == null ? null : wire.recordValue,
                (Iterable<Header>) headers));
    }

    private static void add(RecordHeaders headers, String name, Object value) {
        headers.add(name, String.valueOf(value).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        factory.destroy();
    }
}
