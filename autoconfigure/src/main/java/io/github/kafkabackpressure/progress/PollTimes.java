package io.github.kafkabackpressure.progress;

/**
 * When the records of a partition were polled, for those that may be unfinished. It keeps some hundred times at most:
 * when there are too many it forgets every other one, and takes the records of that poll for those of the one before.
 *
 * <p>Threading: the consumer's thread.
 */
public final class PollTimes {

    /** What {@link #timeOf} answers when it knows nothing. */
    public static final long UNKNOWN = Long.MIN_VALUE;

    private static final int MOST = 256;

    private final long[] offsets = new long[MOST];

    private final long[] times = new long[MOST];

    private int first;

    private int count;

    /**
     * Notes a poll. If the consumer has gone back, those past it are forgotten.
     *
     * @param offset of its first record
     * @param now the present time
     */
    public void add(long offset, long now) {
        while (count > 0 && offsets[(first + count - 1) & (MOST - 1)] >= offset) {
            count--;
        }
        if (count == MOST) {
            forgetEveryOther();
        }
        int at = (first + count) & (MOST - 1);
        offsets[at] = offset;
        times[at] = now;
        count++;
    }

    /**
     * When a record was polled, or an earlier moment. Forgets polls that are finished.
     *
     * @param frontier the record's offset, before which all are finished
     */
    public long timeOf(long frontier) {
        while (count > 1 && offsets[(first + 1) & (MOST - 1)] <= frontier) {
            first = (first + 1) & (MOST - 1);
            count--;
        }
        return count == 0 ? UNKNOWN : times[first];
    }

    private void forgetEveryOther() {
        for (int index = 0; index < MOST / 2; index++) {
            int from = (first + 2 * index) & (MOST - 1);
            int to = (first + index) & (MOST - 1);
            offsets[to] = offsets[from];
            times[to] = times[from];
        }
        count = MOST / 2;
    }
}
