package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * A set of offsets as ranges, in ascending order and with a gap between each two.
 *
 * <p>Threading: immutable.
 */
public final class OffsetRanges {

    /** The set without offsets. */
    public static final OffsetRanges NONE = new OffsetRanges(new long[0]);

    /** The first offset of each range, and after it the one behind its last. */
    private final long[] bounds;

    private OffsetRanges(long[] bounds) {
        this.bounds = bounds;
    }

    /**
     * A set of ranges.
     *
     * @param bounds the first offset of each range, and after it the one behind its last; all ascend
     * @throws IllegalArgumentException if they do not, or their number is odd
     */
    public static OffsetRanges of(long... bounds) {
        for (int at = 1; at < bounds.length; at++) {
            if (bounds[at] <= bounds[at - 1]) {
                throw new IllegalArgumentException("bounds must ascend: " + Arrays.toString(bounds));
            }
        }
        if (bounds.length % 2 != 0) {
            throw new IllegalArgumentException("a range without an end: " + Arrays.toString(bounds));
        }
        return new OffsetRanges(bounds.clone());
    }

    /** Collects ranges, lowest first. */
    static final class Builder {

        private long[] bounds = new long[16];

        private int length;

        /** Adds a range behind all so far, or one that goes on where the last one ends. */
        void add(long from, long to) {
            if (length > 0 && bounds[length - 1] == from) {
                bounds[length - 1] = to;
                return;
            }
            if (length == bounds.length) {
                bounds = Arrays.copyOf(bounds, length * 2);
            }
            bounds[length++] = from;
            bounds[length++] = to;
        }

        OffsetRanges build() {
            return length == 0 ? NONE : new OffsetRanges(Arrays.copyOf(bounds, length));
        }
    }

    public boolean isEmpty() {
        return bounds.length == 0;
    }

    /** How many ranges there are. */
    public int size() {
        return bounds.length / 2;
    }

    /** The first offset of a range. */
    public long from(int range) {
        return bounds[2 * range];
    }

    /** The offset behind the last of a range. */
    public long to(int range) {
        return bounds[2 * range + 1];
    }

    /** The offset behind the last of all; {@link Long#MIN_VALUE} if there is none. */
    public long end() {
        return bounds.length == 0 ? Long.MIN_VALUE : bounds[bounds.length - 1];
    }

    /** How many offsets there are. */
    public long count() {
        long count = 0;
        for (int range = 0; range < size(); range++) {
            count += to(range) - from(range);
        }
        return count;
    }

    /** The first of the ranges that does not end at or before an offset, or {@link #size()}. */
    int rangeAt(long offset) {
        int low = 0;
        int high = size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (to(middle) <= offset) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    public boolean contains(long offset) {
        int range = rangeAt(offset);
        return range < size() && from(range) <= offset;
    }

    /** Those of the offsets that are below one. */
    public OffsetRanges below(long offset) {
        int range = rangeAt(offset);
        if (range == size()) {
            return this;
        }
        boolean cut = from(range) < offset;
        long[] kept = Arrays.copyOf(bounds, 2 * range + (cut ? 2 : 0));
        if (cut) {
            kept[2 * range + 1] = offset;
        }
        return kept.length == 0 ? NONE : new OffsetRanges(kept);
    }

    /** The first ranges. */
    OffsetRanges first(int ranges) {
        return new OffsetRanges(Arrays.copyOf(bounds, 2 * ranges));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof OffsetRanges ranges && Arrays.equals(bounds, ranges.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("[");
        for (int range = 0; range < size(); range++) {
            text.append(range == 0 ? "" : ", ").append(from(range));
            if (to(range) - from(range) > 1) {
                text.append('-').append(to(range) - 1);
            }
        }
        return text.append(']').toString();
    }
}
