package io.github.kafkabackpressure.producer.spool;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/**
 * The format of a spool file: eight bytes that name it and its version, then each record as its length, a CRC-32C of
 * what follows, and the record; at the end a length of minus one. A file without that end was cut off.
 *
 * <p>Threading: none; one thread per file.
 */
final class SpoolFile {

    private static final long MAGIC = 0x4b42_5053_504f_0001L; // "KBPSPO", version 1
    private static final int END = -1;
    private static final int RECORD_OVERHEAD = Integer.BYTES + Integer.BYTES;
    private static final int MOST_BYTES = 256 << 20;

    private SpoolFile() {}

    /**
     * What could be read of a file.
     *
     * @param records all up to the first damage
     * @param damage what is wrong with the rest; null if nothing is
     */
    record Contents(
            List<ProducerRecord<byte[], byte[]>> records,
            @Nullable String damage) {}

    static byte[] encode(ProducerRecord<byte[], byte[]> record) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeUTF(record.topic());
        out.writeInt(record.partition() == null ? -1 : record.partition());
        out.writeLong(record.timestamp() == null ? -1 : record.timestamp());
        Header[] headers = record.headers().toArray();
        out.writeInt(headers.length);
        for (Header header : headers) {
            out.writeUTF(header.key());
            write(out, header.value());
        }
        write(out, record.key());
        write(out, record.value());
        if (bytes.size() > MOST_BYTES) {
            throw new IOException("A record of " + bytes.size() + " bytes is too large for a spool file");
        }
        return bytes.toByteArray();
    }

    /** What a record of so many bytes takes in a file. */
    static long sizeOf(byte[] encoded) {
        return RECORD_OVERHEAD + (long) encoded.length;
    }

    /** Writes all or nothing: under another name, forced to the disk, then moved to its own. */
    static void write(Path file, List<byte[]> records) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + ".unfinished");
        try (FileChannel channel = FileChannel.open(
                unfinished,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
            write(channel, ByteBuffer.allocate(Long.BYTES).putLong(MAGIC).flip());
            for (byte[] record : records) {
                ByteBuffer entry = ByteBuffer.allocate(RECORD_OVERHEAD + record.length);
                entry.putInt(record.length).putInt(checksum(record)).put(record);
                write(channel, entry.flip());
            }
            write(channel, ByteBuffer.allocate(Integer.BYTES).putInt(END).flip());
            channel.force(true);
        }
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        // The entry of the file, and that of its directory, which may be as new.
        Path directory = file.toAbsolutePath().getParent();
        for (int level = 0; level < 2 && directory != null; level++, directory = directory.getParent()) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    static Contents read(Path file) throws IOException {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            if (in.readLong() != MAGIC) {
                return new Contents(records, "it is not a spool file of this version");
            }
            while (true) {
                int length = in.readInt();
                if (length == END) {
                    return new Contents(records, null);
                }
                if (length < 0 || length > MOST_BYTES) {
                    return new Contents(records, "record " + records.size() + " has the impossible length " + length);
                }
                int checksum = in.readInt();
                byte[] record = in.readNBytes(length);
                if (record.length < length || checksum(record) != checksum) {
                    return new Contents(records, "the checksum of record " + records.size() + " is wrong");
                }
                records.add(decode(record));
            }
        } catch (EOFException e) {
            return new Contents(records, "it ends after record " + records.size() + " without its end mark");
        }
    }

    private static ProducerRecord<byte[], byte[]> decode(byte[] record) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(record));
        String topic = in.readUTF();
        int partition = in.readInt();
        long timestamp = in.readLong();
        Headers headers = new RecordHeaders();
        int count = in.readInt();
        for (int i = 0; i < count; i++) {
            headers.add(in.readUTF(), read(in));
        }
        byte[] key = read(in);
        byte[] value = read(in);
        return new ProducerRecord<>(
                topic, partition < 0 ? null : partition, timestamp < 0 ? null : timestamp, key, value, headers);
    }

    private static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
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
        return length < 0 ? null : in.readNBytes(length);
    }
}
