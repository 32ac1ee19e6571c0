package io.github.kafkabackpressure.progress;

/**
 * What a former assignment of a partition has finished and this one has not polled yet. As offsets are polled in ascending
 * order, it gets less and less.
 *
 * <p>Threading: the consumer's thread only.
 */
final class RememberedOffsets {

    private OffsetRanges ranges = OffsetRanges.NONE;

    /** The first range that does not end at or before the newest offset asked for. */
    private int at;

    /** The most offsets that are missing between the ranges. */
    private long missing;

    void set(RememberedProgress progress) {
        ranges = progress.finished();
        at = 0;
        missing = Math.max(0, ranges.end() - progress.offset() - ranges.count());
    }

    /** How many ranges are left. */
    int size() {
        return ranges.size() - at;
    }

    /** The offset behind the last one, or 0 if nothing is left. */
    long end() {
        return size() == 0 ? 0 : ranges.end();
    }

    /** The most offsets that are missing before and between the ranges that are left. */
    long missing() {
        return size() == 0 ? 0 : missing;
    }

    /** Whether an offset is among them, which is not below that of any asked for since {@link #forget}. */
    boolean contains(long offset) {
        while (at < ranges.size() && ranges.to(at) <= offset) {
            at++;
        }
        return at < ranges.size() && ranges.from(at) <= offset;
    }

    /**
     * Forgets those at or past an offset.
     *
     * @return whether there were any
     */
    boolean forget(long offset) {
        if (end() <= offset) {
            return false;
        }
        ranges = ranges.below(offset);
        at = Math.min(at, ranges.size());
        return true;
    }

    /** Adds those that are not below an offset. */
    void addTo(OffsetRanges.Builder others, long position) {
        for (int range = at; range < ranges.size(); range++) {
            long from = Math.max(ranges.from(range), position);
            if (from < ranges.to(range)) {
                others.add(from, ranges.to(range));
            }
        }
    }
}
