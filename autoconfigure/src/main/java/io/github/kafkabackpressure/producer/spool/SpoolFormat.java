package io.github.kafkabackpressure.producer.spool;

import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * The format of a spool file. Eight bytes name it and its version, then comes a mark of eight random bytes. Each record
 * is a frame: the mark, the record's length, a CRC-32C of these two, one of the record, the record. At the end is a
 * frame of length minus one; a file without it was cut off.
 *
 * <p>The mark is how a reader finds the next frame behind damage. It is another one in each file, so that no payload can
 * hold a frame.
 *
 * <p>Threading: immutable.
 */
final class SpoolFormat {

    static final long MAGIC = 0x4b42_5053_504f_0002L; // "KBPSPO", version 2
    static final int HEADER_BYTES = 2 * Long.BYTES;
    static final int FRAME_BYTES = Long.BYTES + 3 * Integer.BYTES;
    static final int END = -1;

    /** Larger than any record that a broker takes. */
    static final int MOST_RECORD_BYTES = 256 << 20;

    private SpoolFormat() {}

    static ByteBuffer header(long mark) {
        return ByteBuffer.allocate(HEADER_BYTES).putLong(MAGIC).putLong(mark).flip();
    }

    /** @param record empty at the end */
    static ByteBuffer frame(long mark, int length, byte[] record) {
        return ByteBuffer.allocate(FRAME_BYTES + record.length)
                .putLong(mark)
                .putInt(length)
                .putInt(checksum(mark, length))
                .putInt(checksum(record))
                .put(record)
                .flip();
    }

    static int checksum(long mark, int length) {
        return checksum(ByteBuffer.allocate(Long.BYTES + Integer.BYTES)
                .putLong(mark)
                .putInt(length)
                .array());
    }

    static int checksum(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
