package io.github.kafkabackpressure.flow;

import java.util.concurrent.atomic.LongAdder;

/**
 * Counts durations by their length, so that quantiles can be told: in each power of two of nanoseconds there are four
 * classes, so a quantile is at most a fifth too high.
 *
 * <p>Threading: safe for any number of threads. What is read while others count is of no single moment.
 */
public final class DurationCounts {

    private static final int CLASSES_OF_POWER_BITS = 2;

    private static final int CLASSES = 63 << CLASSES_OF_POWER_BITS;

    private final LongAdder[] counts = new LongAdder[CLASSES];

    public DurationCounts() {
        for (int index = 0; index < CLASSES; index++) {
            counts[index] = new LongAdder();
        }
    }

    /**
     * Counts some durations.
     *
     * @param nanos how long each of them was; less than 0 counts as 0
     * @param times how many they are
     */
    public void count(long nanos, int times) {
        counts[classOf(nanos)].add(times);
    }

    /** How many there have been of each class so far, to be compared with a later answer. */
    public long[] counts() {
        long[] now = new long[CLASSES];
        for (int index = 0; index < CLASSES; index++) {
            now[index] = counts[index].sum();
        }
        return now;
    }

    /**
     * A quantile of what was counted between two answers of {@link #counts}.
     *
     * @param quantile from 0 to 1
     * @return the upper end of the class that it is in, in nanoseconds; 0 if nothing was counted
     */
    public static long quantile(long[] before, long[] after, double quantile) {
        long all = 0;
        for (int index = 0; index < CLASSES; index++) {
            all += after[index] - before[index];
        }
        long rank = (long) Math.ceil(all * quantile);
        for (int index = 0; index < CLASSES; index++) {
            rank -= after[index] - before[index];
            if (all > 0 && rank <= 0) {
                return upperEndOf(index);
            }
        }
        return 0;
    }

    private static int classOf(long nanos) {
        if (nanos < 1 << CLASSES_OF_POWER_BITS) {
            return (int) Math.max(0, nanos);
        }
        int power = 63 - Long.numberOfLeadingZeros(nanos);
        int within = (int) (nanos >>> (power - CLASSES_OF_POWER_BITS)) & ((1 << CLASSES_OF_POWER_BITS) - 1);
        return ((power - 1) << CLASSES_OF_POWER_BITS) + within;
    }

    private static long upperEndOf(int index) {
        if (index < 1 << CLASSES_OF_POWER_BITS) {
            return index;
        }
        int power = (index >>> CLASSES_OF_POWER_BITS) + 1;
        long within = (index & ((1L << CLASSES_OF_POWER_BITS) - 1)) + (1L << CLASSES_OF_POWER_BITS);
        return ((within + 1) << (power - CLASSES_OF_POWER_BITS)) - 1;
    }
}
