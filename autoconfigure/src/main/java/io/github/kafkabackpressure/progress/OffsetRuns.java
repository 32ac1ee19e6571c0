package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * The offsets of records by their numbers, as runs of records without a hole, oldest first: the number at which a run
 * starts, and what is added to a number in it to get the offset.
 *
 * <p>Threading: the consumer's thread only.
 */
final class OffsetRuns {

    private static final int INITIAL_RUNS = 4;

    /** Stands for what is added to the numbers of records that were dropped. */
    private static final long DROPPED = Long.MIN_VALUE;

    /** Two rings. */
    private long[] starts = new long[INITIAL_RUNS];

    private long[] shifts = new long[INITIAL_RUNS];

    private int first;

    private int size;

    int size() {
        return size;
    }

    /** The number at which a run starts, counted from the oldest. */
    long start(int run) {
        return starts[index(run)];
    }

    /** What is added to a number of a run to get the offset, if that is not dropped. */
    long shift(int run) {
        return shifts[index(run)];
    }

    boolean isDropped(int run) {
        return shift(run) == DROPPED;
    }

    /** Records from a number on have this shift. */
    void add(long start, long shift) {
        if (size == 0 || shift(size - 1) != shift) {
            append(start, shift);
        }
    }

    /** Records from a number on are dropped. */
    void drop(long start) {
        while (size > 0 && start(size - 1) >= start) {
            size--;
        }
        append(start, DROPPED);
    }

    /** No record below a number is asked for any more. */
    void forgetBelow(long number) {
        while (size > 1 && start(1) <= number) {
            first = index(1);
            size--;
        }
    }

    /** No record is asked for any more. */
    void clear() {
        size = 0;
    }

    private int index(int run) {
        return (first + run) & (starts.length - 1);
    }

    private void append(long start, long shift) {
        if (size == starts.length) {
            grow();
        }
        int at = index(size++);
        starts[at] = start;
        shifts[at] = shift;
    }

    private void grow() {
        int length = starts.length;
        starts = rotated(starts, first, length * 2);
        shifts = rotated(shifts, first, length * 2);
        first = 0;
    }

    private static long[] rotated(long[] ring, int first, int length) {
        long[] larger = Arrays.copyOf(Arrays.copyOfRange(ring, first, ring.length), length);
        System.arraycopy(ring, 0, larger, ring.length - first, first);
        return larger;
    }
}
