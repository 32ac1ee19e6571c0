package io.github.kafkabackpressure.progress;

import java.util.Arrays;

/**
 * The records of a partition in the order in which they were polled, which of them are finished, and the frontier: the
 * offset up to which everything polled is finished.
 *
 * <p>Offsets have holes (compaction, transaction markers), so a record is known here by its number in polling order.
 * A finished record that waits behind an unfinished one costs one bit; offsets cost two {@code long} for each hole
 * between the frontier and the newest record, not for each record.
 *
 * <p>Threading: the consumer's thread only.
 */
public final class OffsetTracker {

    private static final int INITIAL_WORDS = 16;

    private static final int INITIAL_RUNS = 4;

    /** A ring of bits by record number; set means finished. Bits outside of head to tail are 0. */
    private long[] finished = new long[INITIAL_WORDS];

    /** The number of the first unfinished record, or {@link #tail} if there is none. */
    private long head;

    /** The number that the next record will get. */
    private long tail;

    /**
     * The runs of records without a hole, oldest first, as a ring: the number at which a run starts, and what is added
     * to a number in it to get the offset.
     */
    private long[] runStart = new long[INITIAL_RUNS];

    private long[] runShift = new long[INITIAL_RUNS];

    private int firstRun;

    private int runs;

    /** The offset after everything that was polled, holes included. */
    private long position;

    /**
     * Makes a tracker.
     *
     * @param position the offset of the next record, or -1 if it is not known yet; what is committed as long as nothing
     *     has been polled
     */
    public OffsetTracker(long position) {
        this.position = position;
    }

    /**
     * Registers a polled record.
     *
     * @param offset the record's offset, not below that of any record that was registered and not dropped
     * @return the record's number, for {@link #finish}
     */
    public long register(long offset) {
        if (tail - head == (long) finished.length << 6) {
            growFinished();
        }
        long number = tail++;
        long shift = offset - number;
        if (runs == 0 || runShift[index(runs - 1)] != shift) {
            addRun(number, shift);
        }
        position = offset + 1;
        return number;
    }

    /**
     * Registers polled records whose offsets follow one another without a hole.
     *
     * @param offset the first record's offset, above all that were registered
     * @param count how many records there are, at least 1
     * @return the first record's number; the others' follow it
     */
    public long register(long offset, int count) {
        while (tail + count - head > (long) finished.length << 6) {
            growFinished();
        }
        long number = register(offset);
        tail = number + count;
        position = offset + count;
        return number;
    }

    /**
     * Marks a record as finished and moves the frontier as far as that allows. One that is finished, or was dropped by
     * {@link #rewind}, stays so.
     */
    public void finish(long number) {
        if (number < head) {
            return; // dropped, and its bit belongs to another record by now
        }
        int word = (int) (number >>> 6) & (finished.length - 1);
        finished[word] |= 1L << number;
        if (number == head) {
            advance();
        }
    }

    /** Marks records as finished whose numbers follow one another, as {@link #finish(long)} does. */
    public void finish(long number, int count) {
        long end = number + count;
        for (long at = number; at < end; ) {
            int bit = (int) (at & 63);
            int step = (int) Math.min(end - at, 64 - bit);
            finished[(int) (at >>> 6) & (finished.length - 1)] |= ones(step) << bit;
            at += step;
        }
        if (number <= head && head < end) {
            advance();
        }
    }

    /** As many bits, from the lowest on; at least one. */
    private static long ones(int count) {
        return -1L >>> (64 - count);
    }

    private void advance() {
        int mask = finished.length - 1;
        while (head < tail) {
            int word = (int) (head >>> 6) & mask;
            int bit = (int) (head & 63);
            int finishedInARow = Long.numberOfTrailingZeros(~(finished[word] >>> bit));
            // The shift brought zeros in at the top, so the count stops at the word's end by itself, but for bit 0.
            int step = Math.min(finishedInARow, 64 - bit);
            if (step == 0) {
                break;
            }
            finished[word] &= ~(ones(step) << bit);
            head += step;
            if (bit + step < 64) {
                break;
            }
        }
        while (runs > 1 && runStart[index(1)] <= head) {
            firstRun = index(1);
            runs--;
        }
    }

    /**
     * Takes in that the consumer has gone back: the records at or past an offset will be registered again. Those that are
     * registered now are dropped and hold the frontier up no more; those below the offset stay as they are.
     *
     * @param offset the offset of the next record
     * @return the number from which on all records so far are dropped; {@link #tail()} if none are
     */
    public long rewind(long offset) {
        if (offset >= position) {
            return tail;
        }
        position = offset;
        long from = tail;
        // In polling order the offsets of records that are not dropped ascend, so the newest run that begins below the
        // offset is the last one to look at.
        for (int run = runs - 1; run >= 0; run--) {
            long start = Math.max(runStart[index(run)], head);
            long first = Math.max(start, offset - runShift[index(run)]);
            from = Math.min(from, first);
            if (first > start) {
                break;
            }
        }
        if (from < tail) {
            finish(from, (int) (tail - from));
        }
        return from;
    }

    /**
     * Tells where the consumer stands after a poll, which is past the last record where holes follow it.
     *
     * @param next the offset that the consumer fetches next
     */
    public void moveTo(long next) {
        position = Math.max(position, next);
    }

    /**
     * The frontier: the offset to commit. It is the offset of the first unfinished record, or the consumer's position
     * if nothing is unfinished; -1 if nothing is known yet.
     */
    public long frontier() {
        return head == tail ? position : head + runShift[firstRun];
    }

    /** The offset after everything that was polled, or -1 if nothing is known yet. */
    public long position() {
        return position;
    }

    /** Whether every registered record is finished. */
    public boolean isDrained() {
        return head == tail;
    }

    /** The number of the first unfinished record, or {@link #tail()} if there is none. */
    public long head() {
        return head;
    }

    /** The number that the next record will get. */
    public long tail() {
        return tail;
    }

    /** How many records there are from the first unfinished one to the newest, finished ones included. */
    public long span() {
        return tail - head;
    }

    private int index(int run) {
        return (firstRun + run) & (runStart.length - 1);
    }

    private void addRun(long start, long shift) {
        if (head == start) {
            runs = 0; // nothing unfinished is left that would need the older ones
        }
        if (runs == runStart.length) {
            growRuns();
        }
        int at = index(runs++);
        runStart[at] = start;
        runShift[at] = shift;
    }

    private void growRuns() {
        int length = runStart.length;
        runStart = rotated(runStart, firstRun, length * 2);
        runShift = rotated(runShift, firstRun, length * 2);
        firstRun = 0;
    }

    private void growFinished() {
        int length = finished.length;
        long[] larger = new long[length * 2];
        // Every word keeps its content; a number's place is its low bits, of which there is one more now. The head's
        // word may hold bits of both ends of the ring, so numbers are moved in two parts of whole words where possible.
        for (long number = head; number < tail; number++) {
            if ((number & 63) == 0 && tail - number >= 64) {
                larger[(int) (number >>> 6) & (larger.length - 1)] = finished[(int) (number >>> 6) & (length - 1)];
                number += 63;
            } else if ((finished[(int) (number >>> 6) & (length - 1)] & 1L << number) != 0) {
                larger[(int) (number >>> 6) & (larger.length - 1)] |= 1L << number;
            }
        }
        finished = larger;
    }

    private static long[] rotated(long[] ring, int first, int length) {
        long[] larger = Arrays.copyOf(Arrays.copyOfRange(ring, first, ring.length), length);
        System.arraycopy(ring, 0, larger, ring.length - first, first);
        return larger;
    }
}
