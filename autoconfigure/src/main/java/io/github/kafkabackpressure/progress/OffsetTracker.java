package io.github.kafkabackpressure.progress;

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

    private final FinishedRing finished = new FinishedRing();

    private final OffsetRuns runs = new OffsetRuns();

    /** The offset after everything that was polled, holes included. */
    private long position;

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
        return register(offset, 1);
    }

    /**
     * Registers polled records whose offsets follow one another without a hole.
     *
     * @param offset the first record's offset, above all that were registered
     * @param count how many records there are, at least 1
     * @return the first record's number; the others' follow it
     */
    public long register(long offset, int count) {
        if (isDrained()) {
            runs.clear(); // nothing unfinished is left that would need them
        }
        long number = finished.add(count);
        runs.add(number, offset - number);
        position = offset + count;
        return number;
    }

    /**
     * Marks a record as finished and moves the frontier as far as that allows. One that is finished, or was dropped by
     * {@link #rewind}, stays so.
     */
    public void finish(long number) {
        if (finished.finish(number)) {
            changes++;
        }
        runs.forgetBelow(finished.head());
    }

    /** Marks records as finished whose numbers follow one another, as {@link #finish(long)} does. */
    public void finish(long number, int count) {
        finished.finish(number, count);
        changes++;
        runs.forgetBelow(finished.head());
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
            return tail();
        }
        position = offset;
        long from = tail();
        // In polling order the offsets of records that are not dropped ascend, so the newest run that begins below the
        // offset is the last one to look at.
        for (int run = runs.size() - 1; run >= 0; run--) {
            if (runs.isDropped(run)) {
                continue;
            }
            long start = Math.max(runs.start(run), head());
            long first = Math.max(start, offset - runs.shift(run));
            from = Math.min(from, first);
            if (first > start) {
                break;
            }
        }
        if (from < tail()) {
            runs.drop(from);
            finish(from, (int) (tail() - from));
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
        if (unfinished() < span()) {
            long end = -1;
            for (int run = 0; run < runs.size(); run++) {
                long shift = runs.shift(run);
                long from = Math.max(runs.start(run), head());
                long to = run + 1 < runs.size() ? runs.start(run + 1) : tail();
                if (runs.isDropped(run) || from >= to) {
                    continue;
                }
                if (end >= 0 && from + shift > end) {
                    ranges.add(end, from + shift);
                }
                finished.addFinished(ranges, from, to, shift);
                end = to + shift;
            }
        }
        remembered.addTo(ranges, position);
        return ranges.build();
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
                unfinished() + more + remembered.size(), unfinished() + more + remembered.missing(), width);
    }

    /** How many registered records are not finished. */
    public long unfinished() {
        return finished.unfinished();
    }

    /** Takes in that what was committed of {@link #finishedBeyond} is there no more: {@link #changes} differs from now on. */
    public void committedIsGone() {
        changes++;
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
        return isDrained() ? position : head() + runs.shift(0);
    }

    /** The offset after everything that was polled, or -1 if nothing is known yet. */
    public long position() {
        return position;
    }

    /** Whether every registered record is finished. */
    public boolean isDrained() {
        return head() == tail();
    }

    /** The number of the first unfinished record, or {@link #tail()} if there is none. */
    public long head() {
        return finished.head();
    }

    /** The number that the next record will get. */
    public long tail() {
        return finished.tail();
    }

    /** How many records there are from the first unfinished one to the newest, finished ones included. */
    public long span() {
        return tail() - head();
    }
}
