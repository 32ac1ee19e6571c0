package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * The records of a partition that a seek has dropped, by their numbers in the {@link OffsetTracker}: they come again
 * under new numbers, and whatever becomes of the old ones counts for nothing. Immutable, so that workers can ask while
 * the next seek makes another one.
 *
 * <p>Threading: any.
 */
public final class DroppedRecords {

    /** As long as there was no seek. */
    public static final DroppedRecords NONE = new DroppedRecords(0, new long[0]);

    /** Whatever is not finished below this number is dropped. */
    private final long before;

    /** Ranges of numbers above that, in ascending order: the first number, and the one after the last. */
    private final long[] ranges;

    private DroppedRecords(long before, long[] ranges) {
        this.before = before;
        this.ranges = ranges;
    }

    /**
     * Adds what {@link OffsetTracker#rewind} has dropped.
     *
     * @param from the first number
     * @param to the number after the last, above all so far
     * @param head the tracker's first unfinished number: what is below it and not finished must have been dropped
     */
    public DroppedRecords with(long from, long to, long head) {
        long[] kept = new long[ranges.length + 2];
        int length = 0;
        long first = from;
        for (int at = 0; at < ranges.length; at += 2) {
            if (ranges[at + 1] >= from) {
                first = Math.min(first, ranges[at]); // it goes over into the new one
                break;
            }
            if (ranges[at + 1] > head) {
                kept[length++] = ranges[at];
                kept[length++] = ranges[at + 1];
            }
        }
        if (to > head) {
            kept[length++] = first;
            kept[length++] = to;
        }
        return new DroppedRecords(head, Arrays.copyOf(kept, length));
    }

    /** Whether a record that is not finished has been dropped. */
    public boolean contains(long number) {
        if (number < before) {
            return true;
        }
        for (int at = 0; at < ranges.length; at += 2) {
            if (number < ranges[at + 1]) {
                return number >= ranges[at];
            }
        }
        return false;
    }
}
