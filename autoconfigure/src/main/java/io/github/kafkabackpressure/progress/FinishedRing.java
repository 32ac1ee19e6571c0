package io.github.kafkabackpressure.progress;

/**
 * Which records are finished, one bit for each from the first unfinished one to the newest, by number.
 *
 * <p>Threading: the consumer's thread only.
 */
final class FinishedRing {

    private static final int INITIAL_WORDS = 16;

    /** A ring of bits by record number; set means finished. Bits outside of head to tail are 0. */
    private long[] words = new long[INITIAL_WORDS];

    /** The number of the first unfinished record, or {@link #tail} if there is none. */
    private long head;

    /** The number that the next record will get. */
    private long tail;

    /** How many records are not finished. */
    private long unfinished;

    long head() {
        return head;
    }

    long tail() {
        return tail;
    }

    long unfinished() {
        return unfinished;
    }

    /**
     * Adds unfinished records.
     *
     * @return the first one's number; the others' follow it
     */
    long add(int count) {
        while (tail + count - head > (long) words.length << 6) {
            grow();
        }
        long number = tail;
        tail = number + count;
        unfinished += count;
        return number;
    }

    /**
     * Marks a record as finished, unless it is, and moves the head as far as that allows.
     *
     * @return whether it was not finished
     */
    boolean finish(long number) {
        if (number < head) {
            return false; // its bit belongs to another record by now
        }
        int word = (int) (number >>> 6) & (words.length - 1);
        long bit = 1L << number;
        boolean first = (words[word] & bit) == 0;
        if (first) {
            words[word] |= bit;
            unfinished--;
        }
        if (number == head) {
            advance();
        }
        return first;
    }

    /** Marks records as finished whose numbers follow one another, as {@link #finish(long)} does. */
    void finish(long number, int count) {
        long end = number + count;
        long first = Math.max(number, head);
        for (long at = first; at < end; ) {
            int bit = (int) (at & 63);
            int step = (int) Math.min(end - at, 64 - bit);
            int word = (int) (at >>> 6) & (words.length - 1);
            long bits = ones(step) << bit & ~words[word];
            words[word] |= bits;
            unfinished -= Long.bitCount(bits);
            at += step;
        }
        if (first == head && head < end) {
            advance();
        }
    }

    /** As many bits, from the lowest on; at least one. */
    private static long ones(int count) {
        return -1L >>> (64 - count);
    }

    private void advance() {
        int mask = words.length - 1;
        while (head < tail) {
            int word = (int) (head >>> 6) & mask;
            int bit = (int) (head & 63);
            int finishedInARow = Long.numberOfTrailingZeros(~(words[word] >>> bit));
            // The shift brought zeros in at the top, so the count stops at the word's end by itself, but for bit 0.
            int step = Math.min(finishedInARow, 64 - bit);
            if (step == 0) {
                break;
            }
            words[word] &= ~(ones(step) << bit);
            head += step;
            if (bit + step < 64) {
                break;
            }
        }
    }

    /**
     * Adds the offsets of those records that are finished, of some whose offsets follow one another.
     *
     * @param shift what is added to a number to get the offset
     */
    void addFinished(OffsetRanges.Builder ranges, long first, long end, long shift) {
        int mask = words.length - 1;
        for (long at = first; at < end; ) {
            int step = (int) Math.min(end - at, 64 - (at & 63));
            long word = words[(int) (at >>> 6) & mask] >>> at & ones(step);
            while (word != 0) {
                int from = Long.numberOfTrailingZeros(word);
                int to = from + Long.numberOfTrailingZeros(~(word >>> from));
                ranges.add(at + shift + from, at + shift + to);
                word = to == 64 ? 0 : word & -1L << to;
            }
            at += step;
        }
    }

    private void grow() {
        int length = words.length;
        long[] larger = new long[length * 2];
        // Every word keeps its content; a number's place is its low bits, of which there is one more now. The head's
        // word may hold bits of both ends of the ring, so numbers are moved in two parts of whole words where possible.
        for (long number = head; number < tail; number++) {
            if ((number & 63) == 0 && tail - number >= 64) {
                larger[(int) (number >>> 6) & (larger.length - 1)] = words[(int) (number >>> 6) & (length - 1)];
                number += 63;
            } else if ((words[(int) (number >>> 6) & (length - 1)] & 1L << number) != 0) {
                larger[(int) (number >>> 6) & (larger.length - 1)] |= 1L << number;
            }
        }
        words = larger;
    }
}
