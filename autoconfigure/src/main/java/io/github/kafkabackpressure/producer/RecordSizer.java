package io.github.kafkabackpressure.producer;

import java.nio.ByteBuffer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * Says how many bytes a record has before it is serialized: exact for bytes, one byte a character for text; for other
 * types the running mean of what Kafka reported for the ones before, because to serialize twice would cost more than it
 * tells.
 *
 * <p>Threading: any thread. A lost update of a mean is harmless: it is an estimate.
 */
@SuppressWarnings("NonAtomicVolatileUpdate")
final class RecordSizer {

    private static final int FIRST_GUESS = 512;
    private static final int WEIGHT = 16;

    private volatile boolean guessing;
    private volatile int meanKey = FIRST_GUESS / 8;
    private volatile int meanValue = FIRST_GUESS;

    int sizeOf(ProducerRecord<?, ?> record) {
        long size = (long) sizeOf(record.key(), meanKey) + sizeOf(record.value(), meanValue);
        for (Header header : record.headers().toArray()) {
            size += header.key().length() + (header.value() == null ? 0 : header.value().length);
        }
        return (int) Math.min(size, Integer.MAX_VALUE);
    }

    void learn(RecordMetadata delivered) {
        if (!guessing) {
            return;
        }
        if (delivered.serializedKeySize() >= 0) {
            meanKey += (delivered.serializedKeySize() - meanKey) / WEIGHT;
        }
        if (delivered.serializedValueSize() >= 0) {
            meanValue += (delivered.serializedValueSize() - meanValue) / WEIGHT;
        }
    }

    private int sizeOf(@Nullable Object part, int mean) {
        if (part == null) {
            return 0;
        }
        if (part instanceof byte[] bytes) {
            return bytes.length;
        }
        if (part instanceof CharSequence text) {
            return text.length();
        }
        if (part instanceof Number) {
            return Long.BYTES;
        }
        if (part instanceof Bytes bytes) {
            return bytes.get() == null ? 0 : bytes.get().length;
        }
        if (part instanceof ByteBuffer buffer) {
            return buffer.remaining();
        }
        guessing = true;
        return mean;
    }
}
