package io.github.kafkabackpressure.rate;

import java.util.Arrays;

/**
 * At most so many records in any window of a length, wherever the window begins. It remembers when each of the last so
 * many were started, in no more memory than there were within one window.
 *
 * <p>Threading: under the lock of its owner.
 */
public final class WindowBucket implements Bucket {

    private static final int INITIAL = 8;

    private int records;

    private long length;

    /** The times, as a ring. */
    private long[] times;

    private int first;

    private int count;

    /**
     * Makes a bucket of which nothing has been taken.
     *
     * @param records the most records in a window, at least 1
     * @param lengthNanos the length of the window, more than 0
     */
    public WindowBucket(int records, long lengthNanos) {
        this.records = records;
        this.length = lengthNanos;
        this.times = new long[Math.min(records, INITIAL)];
    }

    /** Takes one record's place; the cost does not matter. */
    @Override
    public long tryTake(long cost, long now) {
        forget(now);
        if (count >= records) { // more only after a change to less: then so many more must leave
            return times[(first + count - records) % times.length] + length - now;
        }
        if (count == times.length) {
            grow();
        }
        times[(first + count) % times.length] = now;
        count++;
        return 0;
    }

    /**
     * Goes by another window from now on. What is still remembered of those started counts in it.
     *
     * @param newRecords the most records in a window, at least 1
     * @param lengthNanos the length of the window, more than 0
     */
    public void change(int newRecords, long lengthNanos) {
        records = newRecords;
        length = lengthNanos;
    }

    @Override
    public boolean isAsNew(long now) {
        forget(now);
        return count == 0;
    }

    private void forget(long now) {
        while (count > 0 && now - times[first] >= length) {
            first = (first + 1) % times.length;
            count--;
        }
    }

    private void grow() {
        long[] larger = Arrays.copyOf(times, (int) Math.min(records, times.length * 2L));
        for (int index = 0; index < count; index++) {
            larger[index] = times[(first + index) % times.length];
        }
        times = larger;
        first = 0;
    }
}
