package io.github.kafkabackpressure.producer;

import java.nio.ByteBuffer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a record as it was given to {@code send}: its caller may change headers, byte arrays, byte buffers and {@code
 * Bytes} as soon as that returns. Other types are not copied; who changes them changes what is sent.
 *
 * <p>Threading: any thread.
 */
final class RecordCopy {

    private RecordCopy() {}

    /** @param nowMillis its timestamp, if it has none */
    static <K, V> ProducerRecord<K, V> of(ProducerRecord<K, V> record, long nowMillis) {
        return new ProducerRecord<>(
                record.topic(),
                record.partition(),
                record.timestamp() == null ? nowMillis : record.timestamp(),
                copy(record.key()),
                copy(record.value()),
                copy(record.headers().toArray()));
    }

    private static @Nullable Iterable<Header> copy(Header[] headers) {
        if (headers.length == 0) {
            return null;
        }
        RecordHeaders copies = new RecordHeaders();
        for (Header header : headers) {
            copies.add(new RecordHeader(header.key(), copy(header.value())));
        }
        return copies;
    }

    @SuppressWarnings("unchecked") // Each copy is of the type that it copies.
    private static <T> T copy(T part) {
        if (part instanceof byte[] bytes) {
            return (T) bytes.clone();
        }
        if (part instanceof Bytes bytes && part.getClass() == Bytes.class) {
            return (T) new Bytes(copy(bytes.get()));
        }
        if (part instanceof ByteBuffer buffer) {
            return (T) copy(buffer);
        }
        return part;
    }

    /** With its position, which serializers treat in their own ways. */
    private static ByteBuffer copy(ByteBuffer buffer) {
        ByteBuffer all = buffer.duplicate();
        all.rewind();
        ByteBuffer copy = ByteBuffer.allocate(all.remaining()).order(buffer.order());
        copy.put(all).position(buffer.position());
        return copy;
    }
}
