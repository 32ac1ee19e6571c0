package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import org.jspecify.annotations.Nullable;

/**
 * Lanes whose first record may start: a queue for each priority. The one with the highest priority goes first, and of
 * these the one that became ready first. So that none waits for ever, a lane gains one priority for each {@code
 * agingNanos} that it has been ready: a record of priority 0 is started at the latest when it has waited ten times as
 * long and no older one of a higher priority is left.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}.
 */
final class ReadyLanes {

    private static final int PRIORITIES = Buffered.HIGHEST_PRIORITY + 1;

    private final @Nullable Lane[] first = new Lane[PRIORITIES];

    private final @Nullable Lane[] last = new Lane[PRIORITIES];

    /** One bit for each priority that has a lane. */
    private int occupied;

    private final long agingNanos;

    private int size;

    ReadyLanes(long agingNanos) {
        this.agingNanos = agingNanos;
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** Adds a lane behind those of its priority. */
    void add(Lane lane, int priority) {
        Lane before = last[priority];
        lane.previousReady = before;
        lane.nextReady = null;
        if (before == null) {
            first[priority] = lane;
        } else {
            before.nextReady = lane;
        }
        last[priority] = lane;
        added(lane, priority);
    }

    /** Adds a lane that has been ready before: in front of those of its priority that became ready later. */
    void addAgain(Lane lane, int priority) {
        Lane after = first[priority];
        if (after == null || after.readyNumber < lane.readyNumber) {
            add(lane, priority);
            return;
        }
        lane.nextReady = after;
        lane.previousReady = null;
        after.previousReady = lane;
        first[priority] = lane;
        added(lane, priority);
    }

    private void added(Lane lane, int priority) {
        lane.readyIn = this;
        lane.readyPriority = priority;
        occupied |= 1 << priority;
        size++;
    }

    void remove(Lane lane) {
        int priority = lane.readyPriority;
        Lane before = lane.previousReady;
        Lane after = lane.nextReady;
        if (before == null) {
            first[priority] = after;
        } else {
            before.nextReady = after;
        }
        if (after == null) {
            last[priority] = before;
        } else {
            after.previousReady = before;
        }
        lane.previousReady = null;
        lane.nextReady = null;
        lane.readyIn = null;
        if (first[priority] == null) {
            occupied &= ~(1 << priority);
        }
        size--;
    }

    /** Takes the lane whose turn it is; null if there is none. */
    @Nullable Lane takeBest(long now) {
        Lane best = null;
        long bestAge = 0;
        for (int left = occupied; left != 0; ) {
            int priority = 31 - Integer.numberOfLeadingZeros(left);
            left &= ~(1 << priority);
            Lane lane = first[priority];
            if (lane == null) {
                continue;
            }
            // In nanoseconds that the lane would have been ready for if it had begun with priority 0.
            long age = priority * agingNanos + Math.max(0, now - lane.readySince);
            if (best == null || age > bestAge) {
                best = lane;
                bestAge = age;
            }
        }
        if (best != null) {
            remove(best);
        }
        return best;
    }
}
