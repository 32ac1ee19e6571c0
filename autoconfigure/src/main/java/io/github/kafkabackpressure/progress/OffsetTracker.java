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

    /** Stands for what is added to the numbers of records that a rewind has dropped. */
    private static final long DROPPED = Long.MIN_VALUE;

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

    /** How many registered records are not finished. */
    private long unfinished;

    /** What {@link #changes} says. */
    private long changes;

    private final RememberedOffsets remembered = new RememberedOffsets();

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
        unfinished++;
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
        unfinished += count - 1;
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
        long bit = 1L << number;
        if ((finished[word] & bit) == 0) {
            finished[word] |= bit;
            unfinished--;
            changes++;
        }
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
            int word = (int) (at >>> 6) & (finished.length - 1);
            long bits = ones(step) << bit & ~finished[word];
            finished[word] |= bits;
            unfinished -= Long.bitCount(bits);
            at += step;
        }
        changes++;
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
        forget(offset);
        if (offset >= position) {
            return tail;
        }
        position = offset;
        long from = tail;
        // In polling order the offsets of records that are not dropped ascend, so the newest run that begins below the
        // offset is the last one to look at.
        for (int run = runs - 1; run >= 0; run--) {
            if (runShift[index(run)] == DROPPED) {
                continue;
            }
            long start = Math.max(runStart[index(run)], head);
            long first = Math.max(start, offset - runShift[index(run)]);
            from = Math.min(from, first);
            if (first > start) {
                break;
            }
        }
        if (from < tail) {
            while (runs > 0 && runStart[index(runs - 1)] >= from) {
                runs--;
            }
            addRun(from, DROPPED);
            finish(from, (int) (tail - from));
        }
        return from;
    }

    /**
     * Takes in what a former assignment has finished beyond the offset that it committed.
     *
     * @param progress as it was committed; nothing has been registered yet
     */
    public void remember(RememberedProgress progress) {
        position = progress.offset();
        remembered.set(progress);
    }

    /** Whether there are offsets yet to be registered of which a former assignment has finished the records. */
    public boolean remembers() {
        return remembered.size() > 0;
    }

    /**
     * Whether a former assignment has finished the record that is registered next.
     *
     * @param offset its offset, not below that of any asked for since the last {@link #rewind}
     */
    public boolean isRemembered(long offset) {
        return remembered.contains(offset);
    }

    /** Forgets what a former assignment has finished at or past an offset: its records will be handled again. */
    public void forget(long offset) {
        if (remembered.forget(offset)) {
            changes++;
        }
    }

    /**
     * The offsets beyond the frontier whose records are finished, those that are only remembered included. Offsets without
     * a record count as finished, as there is nothing to be done about them; if nothing else is finished, none is told.
     */
    public OffsetRanges finishedBeyond() {
        OffsetRanges.Builder ranges = new OffsetRanges.Builder();
        if (unfinished < tail - head) {
            long end = -1;
            for (int run = 0; run < runs; run++) {
                long shift = runShift[index(run)];
                long from = Math.max(runStart[index(run)], head);
                long to = run + 1 < runs ? runStart[index(run + 1)] : tail;
                if (shift == DROPPED || from >= to) {
                    continue;
                }
                if (end >= 0 && from + shift > end) {
                    ranges.add(end, from + shift);
                }
                addFinished(ranges, from, to, shift);
                end = to + shift;
            }
        }
        remembered.addTo(ranges, position);
        return ranges.build();
    }

    /** Adds the offsets of those records that are finished, of some whose offsets follow one another. */
    private void addFinished(OffsetRanges.Builder ranges, long first, long end, long shift) {
        int mask = finished.length - 1;
        for (long at = first; at < end; ) {
            int step = (int) Math.min(end - at, 64 - (at & 63));
            long word = finished[(int) (at >>> 6) & mask] >>> at & ones(step);
            while (word != 0) {
                int from = Long.numberOfTrailingZeros(word);
                int to = from + Long.numberOfTrailingZeros(~(word >>> from));
                ranges.add(at + shift + from, at + shift + to);
                word = to == 64 ? 0 : word & -1L << to;
            }
            at += step;
        }
    }

    /**
     * The most characters that {@link CommitMetadata} needs for {@link #finishedBeyond}, whatever more of what is
     * registered finishes.
     *
     * @param more records that may yet be registered, at offsets that follow the newest
     */
    public long mostCharacters(int more) {
        long width = Math.max(position, remembered.end()) + more - frontier();
        return CommitMetadata.mostCharacters(
                unfinished + more + remembered.size(), unfinished + more + remembered.missing(), width);
    }

    /** How many registered records are not finished. */
    public long unfinished() {
        return unfinished;
    }

    /** Differs from what it was before if what {@link #finishedBeyond} says may have changed. */
    public long changes() {
        return changes;
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
