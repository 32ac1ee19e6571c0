package io.github.kafkabackpressure.buffer;

import org.jspecify.annotations.Nullable;

/**
 * The records of one lane that wait, oldest first, and how many of it have been started and are not over. Only when none
 * is, the first may start.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}.
 */
final class WaitingLane {

    /** Where the lane can be forgotten once it is empty; null for a lane of one record. */
    final @Nullable WaitingLanes owner;

    /** Its key there. */
    final @Nullable Object key;

    @Nullable Waiting first;

    @Nullable Waiting last;

    int started;

    /** The list of {@link ReadyLanes} that it stands in; null if in none. */
    @Nullable ReadyLanes readyIn;

    /** The priority by which it stands there. */
    int readyPriority;

    /** Counts the times that a lane became ready, and so tells which was first. */
    long readyNumber;

    /** Since when its first record could have started but for room and rate. */
    long readySince;

    /** The group at the gate that its first record belonged to when it became ready; null if to none. */
    @Nullable Object gateGroup;

    @Nullable WaitingLane nextReady;

    @Nullable WaitingLane previousReady;

    WaitingLane(@Nullable WaitingLanes owner, @Nullable Object key) {
        this.owner = owner;
        this.key = key;
    }

    void append(Waiting record) {
        Waiting before = last;
        record.previousInLane = before;
        if (before == null) {
            first = record;
        } else {
            before.nextInLane = record;
        }
        last = record;
        record.lane = this;
    }

    void remove(Waiting record) {
        Waiting before = record.previousInLane;
        Waiting after = record.nextInLane;
        if (before == null) {
            first = after;
        } else {
            before.nextInLane = after;
        }
        if (after == null) {
            last = before;
        } else {
            after.previousInLane = before;
        }
        record.previousInLane = null;
        record.nextInLane = null;
    }

    boolean isEmpty() {
        return first == null && started == 0;
    }
}
