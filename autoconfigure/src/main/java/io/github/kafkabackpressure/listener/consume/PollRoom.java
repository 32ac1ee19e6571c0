package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ListenerRun;

/**
 * The room that one consumer has for its next poll, within {@code max-in-flight}: reserved before the poll, put to use or
 * given back after it, and waited for if there is none.
 *
 * <p>Threading: the consumer's thread.
 */
public final class PollRoom {

    private final ListenerRun run;

    private final ConsumerLink link;

    /** Whether room for one poll is reserved. */
    public boolean reserved;

    /** How much room that is, in records. */
    public int reservedSize;

    PollRoom(ListenerRun run, ConsumerLink link) {
        this.run = run;
        this.link = link;
    }

    /**
     * Reserves room for a poll unless that is done.
     *
     * @param paused whether the consumer is paused for want of room: then it must have drained to the low watermark
     * @return whether room is reserved
     */
    boolean reserve(boolean paused) {
        if (run.limit.excess() > 0) {
            giveBack(); // the limit was lowered
        }
        if (!reserved) {
            int size = run.room.pollSize;
            reservedSize = size;
            boolean mayTake = !paused || run.limit.isDrainedToLowWatermark();
            reserved = mayTake && run.limit.tryReserveInTurn(this, size);
        }
        return reserved;
    }

    /** Gives back what room is reserved. */
    void giveBack() {
        if (reserved) {
            reserved = false;
            run.limit.settle(reservedSize, 0);
        }
    }

    /** Puts the room to use. */
    void use(int records) {
        run.limit.settle(reserved ? reservedSize : 0, records);
        reserved = false;
    }

    /** How many records a poll may bring, now that it is over: the limit may have been lowered since it began. */
    int allowed() {
        return reserved ? (int) Math.max(0, reservedSize - run.limit.excess()) : 0;
    }

    /** Whether the consumer waits for room. */
    boolean isWaitedFor() {
        return link.waitsForRoom;
    }

    /** Says whether the consumer waits for room; a worker that makes some then wakes it. */
    void setWaiting(boolean waits) {
        if (waits != link.waitsForRoom) {
            link.waitsForRoom = waits;
            if (waits) {
                run.limit.startWaiting(this);
            } else {
                run.limit.stopWaiting(this);
            }
        }
    }

    /** Waits outside of a poll until there is room for one. */
    void await(long longestNanos) {
        setWaiting(true);
        try {
            link.awaitRoom(() -> run.limit.hasRoomFor(run.room.pollSize), longestNanos);
        } finally {
            setWaiting(false);
        }
    }

    /** Lets others have the room, as nothing is to be polled here. */
    void leaveToOthers() {
        if (reserved) {
            giveBack();
            run.room.wakeIfRoom();
        }
        if (isWaitedFor()) {
            setWaiting(false);
            run.room.wakeIfRoom(); // somebody may have waited behind this consumer
        }
    }

    /** Ends it all: nothing is reserved or waited for any more. */
    void close() {
        giveBack();
        setWaiting(false);
    }
}
