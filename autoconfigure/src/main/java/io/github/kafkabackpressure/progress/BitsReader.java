package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * Reads what {@link Bits} has written. Whatever the bytes are, it ends or throws {@link DamagedException}.
 *
 * <p>Threading: one thread at a time.
 */
final class BitsReader {

    /** Says that bytes are not what was written. */
    static final class DamagedException extends Exception {

        private static final long serialVersionUID = 1L;

        DamagedException(String what) {
            super(what, null, false, false);
        }
    }

    private final byte[] bytes;

    private int at;

    /** How many bits of the byte at {@link #at} have been read. */
    private int bit;

    BitsReader(byte[] bytes) {
        this.bytes = bytes;
    }

    boolean hasMore() {
        return at < bytes.length;
    }

    int left() {
        return bytes.length - at;
    }

    int readByte() throws DamagedException {
        if (at >= bytes.length) {
            throw new DamagedException("it ends too early");
        }
        return bytes[at++] & 0xff;
    }

    byte[] rest() {
        byte[] rest = Arrays.copyOfRange(bytes, at, bytes.length);
        at = bytes.length;
        return rest;
    }

    /** A number that is not negative. */
    long readNumber() throws DamagedException {
        long value = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            int next = readByte();
            value |= (long) (next & 0x7f) << shift;
            if (next < 0x80) {
                return value;
            }
        }
        throw new DamagedException("a number is too large");
    }

    long readLong() throws DamagedException {
        long value = 0;
        for (int count = 0; count < 8; count++) {
            value = value << 8 | readByte();
        }
        return value;
    }

    private int readBit() throws DamagedException {
        if (at >= bytes.length) {
            throw new DamagedException("it ends too early");
        }
        int value = bytes[at] >>> bit & 1;
        if (++bit == 8) {
            bit = 0;
            at++;
        }
        return value;
    }

    long readRice(int k) throws DamagedException {
        long ones = 0;
        while (readBit() == 1) {
            ones++;
        }
        if (k > 0 && ones > Long.MAX_VALUE >>> k) {
            throw new DamagedException("a number is too large");
        }
        long value = ones << k;
        for (int place = 0; place < k; place++) {
            value |= (long) readBit() << place;
        }
        return value;
    }
}
