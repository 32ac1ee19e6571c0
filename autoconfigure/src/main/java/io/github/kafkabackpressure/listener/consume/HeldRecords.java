package io.github.kafkabackpressure.listener.consume;

import java.util.concurrent.TimeUnit;

/**
 * How many records of a partition are held up: by a record before them in their lane, or by a back-off. So many as have
 * been held up for a second or two stand still: nobody waits for them to drain.
 *
 * <p>Threading: the consumer's thread.
 */
final class HeldRecords {

    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How long records must have stood still to be counted though the partition is in nobody's way. */
    private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(3);

    private int held;

    /** When the present window began, and the least that has been held up since. */
    private long windowBegan;

    private int leastInWindow;

    /** The least that has been held up since the window before the present one began. */
    private int standing;

    /** When the first of these were seen to stand still. */
    private long standingSince;

    /** How many have been counted as standing still. */
    private int counted;

    private long headSeen = -1;

    /** The first unfinished record as last seen while records stood still, and since when it has been that. */
    private long standingHead = -1;

    private long standingHeadSince;

    private boolean inTheWay;

    private boolean few;

    private boolean fewAndFetchable;

    /** How many were held up at the last look. */
    int held() {
        return held;
    }

    /**
     * Takes in how many are held up now.
     *
     * @return the difference to the last look
     */
    int set(int now, long time) {
        int difference = now - held;
        held = now;
        if (now > 0 && time - windowBegan >= WINDOW_NANOS) {
            if (standing == 0) {
                standingSince = time;
            }
            standing = leastInWindow;
            leastInWindow = now;
            windowBegan = time;
        }
        leastInWindow = Math.min(leastInWindow, now);
        standing = Math.min(standing, now);
        return difference;
    }

    /** Whether some have been held up for a second at least, and not fewer meanwhile. */
    boolean standsStill() {
        return standing > 0;
    }

    /** How many have been held up for a second at least. */
    int standing() {
        return standing;
    }

    /** Whether the first unfinished record has been the same for so long that nobody should wait for it. */
    boolean headStandsForLong(long head, long time) {
        if (head != standingHead) {
            standingHead = head;
            standingHeadSince = time;
        }
        return time - standingHeadSince >= LONG_NANOS;
    }

    /** Whether the first unfinished record is another one than at the last look. */
    boolean hasMoved(long head) {
        boolean moved = head != headSeen;
        headSeen = head;
        return moved;
    }

    /** Whether the partition must not be polled, as it would take others' room. */
    boolean isInTheWay() {
        return inTheWay;
    }

    void setInTheWay(boolean pauses) {
        inTheWay = pauses;
    }

    /** Whether few enough were held up, as last noted, that others must leave room for the partition. */
    boolean few() {
        return few;
    }

    /** Whether that is so, and there may have been records of the partition to be fetched. */
    boolean fewAndFetchable() {
        return fewAndFetchable;
    }

    void setFew(boolean areFew, boolean mayBeFetched) {
        few = areFew;
        fewAndFetchable = areFew && mayBeFetched;
    }

    /** Whether some have stood still for so long that nobody should wait for them to drain. */
    boolean standsForLong(long time) {
        return standing > 0 && time - standingSince >= LONG_NANOS;
    }

    /**
     * Takes in whether those that stand still are to be counted as such.
     *
     * @param others how many of them are counted elsewhere
     * @return the difference to what was counted before
     */
    int count(boolean counts, int others) {
        int now = counts ? Math.max(0, standing - others) : 0;
        int difference = now - counted;
        counted = now;
        return difference;
    }
}
