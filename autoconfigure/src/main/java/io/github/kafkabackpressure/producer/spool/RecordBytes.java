package io.github.kafkabackpressure.producer.spool;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * One record as bytes, with all that a producer sends of it: topic, partition or minus one, timestamp or minus one,
 * headers, key and value. Texts and arrays follow their length, which is minus one for null.
 *
 * <p>Threading: immutable.
 */
final class RecordBytes {

    private RecordBytes() {}

    /** @throws IOException if it is larger than any that could be read again */
    static byte[] encode(ProducerRecord<byte[], byte[]> record) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        write(out, record.topic().getBytes(StandardCharsets.UTF_8));
        out.writeInt(record.partition() == null ? -1 : record.partition());
        out.writeLong(record.timestamp() == null ? -1 : record.timestamp());
        Header[] headers = record.headers().toArray();
        out.writeInt(headers.length);
        for (Header header : headers) {
            write(out, header.key().getBytes(StandardCharsets.UTF_8));
            write(out, header.value());
        }
        write(out, record.key());
        write(out, record.value());
        if (bytes.size() > SpoolFormat.MOST_RECORD_BYTES) {
            throw new IOException("A record of " + bytes.size() + " bytes is too large for a spool file");
        }
        return bytes.toByteArray();
    }

    /** @throws IOException if these are not the bytes of a record */
    static ProducerRecord<byte[], byte[]> decode(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        try {
            String topic = text(in);
            int partition = in.readInt();
            long timestamp = in.readLong();
            Headers headers = new RecordHeaders();
            for (int left = in.readInt(); left > 0; left--) {
                headers.add(text(in), read(in));
            }
            byte[] key = read(in);
            byte[] value = read(in);
            return new ProducerRecord<>(
                    topic, partition < 0 ? null : partition, timestamp < 0 ? null : timestamp, key, value, headers);
        } catch (RuntimeException e) {
            throw new IOException("These are not the bytes of a record", e);
        }
    }

    private static String text(DataInputStream in) throws IOException {
        byte[] bytes = read(in);
        if (bytes == null) {
            throw new IOException("A text is missing");
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static void write(DataOutputStream out, byte @Nullable [] bytes) throws IOException {
        if (bytes == null) {
            out.writeInt(-1);
            return;
        }
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static byte @Nullable [] read(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0) {
            return null;
        }
        if (length > in.available()) {
            throw new EOFException("There is less than is said");
        }
        return in.readNBytes(length);
    }
}
