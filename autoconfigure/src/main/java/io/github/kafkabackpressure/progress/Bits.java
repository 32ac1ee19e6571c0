package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * Bytes and bits written one behind the other. Bits fill a byte from its lowest one on.
 *
 * <p>Threading: one thread at a time.
 */
final class Bits {

    private byte[] bytes = new byte[64];

    private int length;

    private long pending;

    private int pendingBits;

    void writeByte(int value) {
        if (length == bytes.length) {
            bytes = Arrays.copyOf(bytes, length * 2);
        }
        bytes[length++] = (byte) value;
    }

    void write(byte[] values) {
        if (bytes.length - length < values.length) {
            bytes = Arrays.copyOf(bytes, Math.max(length * 2, length + values.length));
        }
        System.arraycopy(values, 0, bytes, length, values.length);
        length += values.length;
    }

    /** Seven bits a byte, the lowest first; the highest bit says that more follow. */
    void writeNumber(long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            writeByte((int) (rest & 0x7f) | 0x80);
            rest >>>= 7;
        }
        writeByte((int) rest);
    }

    void writeLong(long value) {
        for (int shift = 56; shift >= 0; shift -= 8) {
            writeByte((int) (value >>> shift));
        }
    }

    /** Writes the lowest bits of a value. */
    void writeBits(long value, int count) {
        int left = count;
        long rest = value;
        while (left > 0) {
            int step = Math.min(left, 32);
            pending |= (rest & ((1L << step) - 1)) << pendingBits;
            pendingBits += step;
            while (pendingBits >= 8) {
                writeByte((int) pending);
                pending >>>= 8;
                pendingBits -= 8;
            }
            rest = step == 64 ? 0 : rest >>> step;
            left -= step;
        }
    }

    /** Golomb's code by a power of two: the quotient as so many ones and a zero, then the rest in {@code k} bits. */
    void writeRice(long value, int k) {
        long ones = value >>> k;
        for (; ones >= 32; ones -= 32) {
            writeBits(-1L, 32);
        }
        writeBits((1L << ones) - 1, (int) ones + 1);
        writeBits(value, k);
    }

    /** All that was written; the last byte is filled up with zeros. */
    byte[] toBytes() {
        if (pendingBits > 0) {
            writeByte((int) pending);
            pending = 0;
            pendingBits = 0;
        }
        return Arrays.copyOf(bytes, length);
    }

    static int bytesOfNumber(long value) {
        return value >= 0 && value < 0x80 ? 1 : (70 - Long.numberOfLeadingZeros(value)) / 7;
    }
}
