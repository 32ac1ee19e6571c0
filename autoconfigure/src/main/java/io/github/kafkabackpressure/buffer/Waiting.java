package io.github.kafkabackpressure.buffer;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One polled record that waits in a {@link WaitingRoom} until it is started or dropped. It carries the room's own links,
 * so that it can leave from the middle of its lane in constant time.
 *
 * <p>Threading: all fields that are not final belong to the room, under its lock.
 */
public abstract class Waiting extends Buffered {

    /** Where the record is. */
    enum Stage {

        /** Not in the room yet, or out of it: dropped, or gone with its partition. */
        OUTSIDE,

        /** It waits for its turn, and may be dropped. */
        WAITS,

        /** It was started, holds its lane, and cannot be dropped any more. */
        STARTED,

        /** It was started outside, and its turn was over before it came to hold its lane here. */
        OVER
    }

    Stage stage = Stage.OUTSIDE;

    /** Whether it has a place within the limit; without one it is not started. */
    boolean admitted;

    /** Whether who has started it is to hand the ticket on. */
    boolean leavesTicket;

    /** Its partition, and the key that it is known by there. */
    @Nullable Partition partition;

    @Nullable Object key;

    @Nullable Lane lane;

    @Nullable Waiting nextInLane;

    @Nullable Waiting previousInLane;

    /**
     * @param priority 0 to 9; a higher one goes first
     * @param bytes size of the record
     */
    protected Waiting(int priority, int bytes) {
        super(priority, bytes);
    }

    /** Whether it has a place within the limit; for who has taken it out of the room. */
    public final boolean isAdmitted() {
        return admitted;
    }

    /** Whether the ticket by which it was taken out of the room is to be handed on; for who has taken it. */
    public final boolean leavesTicket() {
        return leavesTicket;
    }

    /** Its lane, once it has been put into a room. */
    final Lane lane() {
        return Objects.requireNonNull(lane, "the record has not been put into the room");
    }

    /** Its partition, once it has been put into a room. */
    final Partition partition() {
        return Objects.requireNonNull(partition, "the record has not been put into the room");
    }

    /** Where lanes and records of one partition are known. */
    interface Partition {

        /** Forgets an empty lane. */
        void forget(Lane lane);

        /** Forgets that a record is the newest of its key. */
        void notNewest(@Nullable Object recordKey, Waiting record);
    }

    /**
     * The records of one lane that wait, oldest first, and how many of it have been started and are not over. Only when
     * none is, the first may start.
     *
     * <p>Threading: under the lock of its {@link WaitingRoom}.
     */
    static final class Lane {

        /** Its key in its partition; null for a lane of one record. */
        final @Nullable Object laneKey;

        @Nullable Waiting first;

        @Nullable Waiting last;

        int started;

        /** The {@link ReadyLanes} that it stands in; null if in none. */
        @Nullable Object readyIn;

        /** The priority by which it stands there. */
        int readyPriority;

        /** Counts the times that a lane became ready, and so tells which was first. */
        long readyNumber;

        /** Since when its first record could have started but for room and rate. */
        long readySince;

        /** The group at the gate that its first record belonged to when it became ready; null if to none. */
        @Nullable Object gateGroup;

        @Nullable Lane nextReady;

        @Nullable Lane previousReady;

        Lane(@Nullable Object laneKey) {
            this.laneKey = laneKey;
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
}
