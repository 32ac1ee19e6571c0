package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.progress.BitsReader.DamagedException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * The ways in which ranges of offsets are written as bytes, of which the shortest is taken. All go by the lengths of what
 * alternates from a base on: offsets that are not in a range, and those that are.
 *
 * <p>Threading: any; without state.
 */
final class RangesCodec {

    /** How the ranges are written; the ordinals are part of the format. */
    enum Encoding {
        /** Each length as a number: for few ranges, however long. */
        RUNS,
        /** A bit for each offset: never more than the offsets are, whatever their pattern. */
        BITMAP,
        /** Each length by Golomb's code: for many ranges at random. */
        RICE,
        /** {@link #RUNS}, compressed: for patterns that repeat. */
        DEFLATED_RUNS,
        /** {@link #BITMAP}, compressed. */
        DEFLATED_BITMAP
    }

    /** Bytes that are written in one of the ways. */
    @SuppressWarnings("ArrayRecordComponent") // handed on, never compared
    record Encoded(Encoding encoding, byte[] bytes) {}

    /** Nothing longer than this is compressed, and so nothing becomes longer by decompressing. */
    static final int MOST_UNCOMPRESSED = 1 << 16;

    /** What is shorter than this is not worth compressing. */
    private static final int LEAST_COMPRESSED = 48;

    /** So much is compressed to see whether the rest would pay. */
    private static final int SAMPLE = 512;

    private RangesCodec() {}

    /** Writes ranges, of which there is at least one and none begins below the base. */
    static Encoded encode(OffsetRanges ranges, long base) {
        long[] lengths = lengths(ranges, base);
        long width = ranges.end() - base;
        int k0 = parameter(lengths, 0);
        int k1 = parameter(lengths, 1);
        long ofBitmap = (width + 7) >>> 3;
        long ofRuns = bytesOfRuns(lengths, Math.max(ofBitmap, MOST_UNCOMPRESSED));
        long ofRice = 2 + Bits.bytesOfNumber(lengths.length / 2) + (bitsOfRice(lengths, k0, k1, ofBitmap) + 7) / 8;
        Encoded best;
        if (ofRuns <= ofBitmap && ofRuns <= ofRice) {
            best = new Encoded(Encoding.RUNS, runs(lengths));
        } else if (ofRice < ofBitmap) {
            best = new Encoded(Encoding.RICE, rice(lengths, k0, k1));
        } else {
            best = new Encoded(Encoding.BITMAP, bitmap(ranges, base, (int) ofBitmap));
        }
        if (best.bytes.length < LEAST_COMPRESSED) {
            return best;
        }
        if (ofBitmap <= MOST_UNCOMPRESSED) {
            byte[] bitmap = best.encoding == Encoding.BITMAP ? best.bytes : bitmap(ranges, base, (int) ofBitmap);
            best = shorter(best, Encoding.DEFLATED_BITMAP, bitmap);
        }
        if (ofRuns <= MOST_UNCOMPRESSED) {
            byte[] runs = best.encoding == Encoding.RUNS ? best.bytes : runs(lengths);
            best = shorter(best, Encoding.DEFLATED_RUNS, runs);
        }
        return best;
    }

    /**
     * The most bytes that ranges take, whichever they are.
     *
     * @param gaps the most gaps before and between them
     * @param missing the most offsets in these gaps
     * @param width offsets from the base to the end of the last
     */
    static long mostBytes(long gaps, long missing, long width) {
        long ofBitmap = (width >>> 3) + 1;
        int k = 64 - Long.numberOfLeadingZeros(Math.max(1, width / Math.max(1, gaps)));
        // For each gap a finished length of k bits, its one more and what is carried over; for each missing offset a
        // bit.
        long ofRice = 12 + (Math.min(gaps, 1L << 32) * (k + 4) + missing) / 8;
        return Math.min(ofBitmap, ofRice);
    }

    private static long[] lengths(OffsetRanges ranges, long base) {
        long[] lengths = new long[2 * ranges.size()];
        long end = base;
        for (int range = 0; range < ranges.size(); range++) {
            lengths[2 * range] = ranges.from(range) - end;
            end = ranges.to(range);
            lengths[2 * range + 1] = end - ranges.from(range);
        }
        return lengths;
    }

    /** What is coded of a length: all but the first, which may be 0, are at least 1. */
    private static long coded(long[] lengths, int at) {
        return at == 0 ? lengths[0] : lengths[at] - 1;
    }

    /** The parameter of Golomb's code for one kind of lengths: about the logarithm of their mean. */
    private static int parameter(long[] lengths, int kind) {
        long sum = 0; // no more than the offsets are
        for (int at = kind; at < lengths.length; at += 2) {
            sum += coded(lengths, at);
        }
        long mean = (long) (sum * 0.69 / (lengths.length / 2.0));
        return mean == 0 ? 0 : 63 - Long.numberOfLeadingZeros(mean);
    }

    /** How long the runs are, or more than a number that is already too many. */
    private static long bytesOfRuns(long[] lengths, long most) {
        long bytes = 0;
        for (int at = 0; at < lengths.length && bytes <= most; at++) {
            bytes += Bits.bytesOfNumber(lengths[at]);
        }
        return bytes;
    }

    /** As {@link #bytesOfRuns}, in bits. */
    private static long bitsOfRice(long[] lengths, int k0, int k1, long mostBytes) {
        long bits = 0;
        for (int at = 0; at < lengths.length && bits >>> 3 <= mostBytes; at++) {
            int k = (at & 1) == 0 ? k0 : k1;
            bits += (coded(lengths, at) >>> k) + 1 + k;
        }
        return Math.min(bits, Long.MAX_VALUE - 16);
    }

    private static byte[] runs(long[] lengths) {
        Bits bits = new Bits();
        for (long length : lengths) {
            bits.writeNumber(length);
        }
        return bits.toBytes();
    }

    private static byte[] rice(long[] lengths, int k0, int k1) {
        Bits bits = new Bits();
        bits.writeByte(k0);
        bits.writeByte(k1);
        bits.writeNumber(lengths.length / 2);
        for (int at = 0; at < lengths.length; at++) {
            bits.writeRice(coded(lengths, at), (at & 1) == 0 ? k0 : k1);
        }
        return bits.toBytes();
    }

    private static byte[] bitmap(OffsetRanges ranges, long base, int length) {
        long[] words = new long[(length + 7) / 8];
        for (int range = 0; range < ranges.size(); range++) {
            int from = (int) (ranges.from(range) - base);
            int to = (int) (ranges.to(range) - base);
            int first = from >>> 6;
            int last = (to - 1) >>> 6;
            long fromOn = -1L << from;
            long upTo = -1L >>> -to;
            if (first == last) {
                words[first] |= fromOn & upTo;
            } else {
                words[first] |= fromOn;
                Arrays.fill(words, first + 1, last, -1L);
                words[last] |= upTo;
            }
        }
        ByteBuffer bytes = ByteBuffer.allocate(8 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(words);
        return Arrays.copyOf(bytes.array(), length);
    }

    private static Encoded shorter(Encoded best, Encoding encoding, byte[] plain) {
        if (plain.length > 2 * SAMPLE && deflate(plain, SAMPLE).length * 2L > SAMPLE) {
            return best;
        }
        byte[] deflated = deflate(plain, plain.length);
        return deflated.length < best.bytes.length ? new Encoded(encoding, deflated) : best;
    }

    private static byte[] deflate(byte[] plain, int length) {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED, true);
        try {
            deflater.setInput(plain, 0, length);
            deflater.finish();
            byte[] deflated = new byte[length + 16];
            int written = deflater.deflate(deflated);
            return deflater.finished() ? Arrays.copyOf(deflated, written) : plain;
        } finally {
            deflater.end();
        }
    }

    /**
     * Reads ranges.
     *
     * @throws DamagedException if the bytes are none that {@link #encode} writes
     */
    static OffsetRanges decode(Encoding encoding, byte[] bytes, long base) throws DamagedException {
        return switch (encoding) {
            case RUNS -> readRuns(bytes, base);
            case BITMAP -> readBitmap(bytes, base);
            case RICE -> readRice(bytes, base);
            case DEFLATED_RUNS -> readRuns(inflate(bytes), base);
            case DEFLATED_BITMAP -> readBitmap(inflate(bytes), base);
        };
    }

    private static OffsetRanges readRuns(byte[] bytes, long base) throws DamagedException {
        BitsReader reader = new BitsReader(bytes);
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        long end = base;
        while (reader.hasMore()) {
            long missing = reader.readNumber();
            end = addRange(ranges, end, base, missing, reader.readNumber());
        }
        return ranges.build();
    }

    private static OffsetRanges readRice(byte[] bytes, long base) throws DamagedException {
        BitsReader reader = new BitsReader(bytes);
        int k0 = reader.readByte();
        int k1 = reader.readByte();
        long count = reader.readNumber();
        if (k0 > 62 || k1 > 62 || count > 4L * reader.left()) {
            throw new DamagedException("no such code");
        }
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        long end = base;
        for (long range = 0; range < count; range++) {
            long missing = reader.readRice(k0) + (range == 0 ? 0 : 1);
            end = addRange(ranges, end, base, missing, reader.readRice(k1) + 1);
        }
        return ranges.build();
    }

    private static long addRange(OffsetRanges.Builder ranges, long end, long base, long missing, long finished)
            throws DamagedException {
        if (missing < 0 || finished <= 0 || (missing == 0 && end != base)) {
            throw new DamagedException("ranges must not touch or be empty");
        }
        if (missing > Long.MAX_VALUE - end || finished > Long.MAX_VALUE - end - missing) {
            throw new DamagedException("an offset is too large");
        }
        ranges.add(end + missing, end + missing + finished);
        return end + missing + finished;
    }

    private static OffsetRanges readBitmap(byte[] bytes, long base) throws DamagedException {
        if (base > Long.MAX_VALUE - 8L * bytes.length) {
            throw new DamagedException("an offset is too large");
        }
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        for (int at = 0; at < bytes.length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                if ((bytes[at] >>> bit & 1) != 0) {
                    long offset = base + 8L * at + bit;
                    ranges.add(offset, offset + 1);
                }
            }
        }
        return ranges.build();
    }

    private static byte[] inflate(byte[] bytes) throws DamagedException {
        Inflater inflater = new Inflater(true);
        try {
            inflater.setInput(bytes);
            byte[] plain = new byte[Math.min(MOST_UNCOMPRESSED, 8 * bytes.length + 64)];
            int length = 0;
            while (true) {
                int more = inflater.inflate(plain, length, plain.length - length);
                length += more;
                if (inflater.finished()) {
                    return Arrays.copyOf(plain, length);
                }
                if (length == plain.length && length < MOST_UNCOMPRESSED) {
                    plain = Arrays.copyOf(plain, Math.min(MOST_UNCOMPRESSED, 2 * length));
                } else if (more == 0) {
                    throw new DamagedException("it cannot be decompressed");
                }
            }
        } catch (DataFormatException e) {
            throw new DamagedException("it cannot be decompressed");
        } finally {
            inflater.end();
        }
    }
}
