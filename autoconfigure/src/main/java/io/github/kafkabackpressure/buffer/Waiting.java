package io.github.kafkabackpressure.buffer;

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
        STARTED
    }

    Stage stage = Stage.OUTSIDE;

    /** Whether it has a place within the limit; without one it is not started. */
    boolean admitted;

    /** The partition's lanes, and the key that it is known by there. */
    @Nullable WaitingLanes lanes;

    @Nullable Object key;

    @Nullable WaitingLane lane;

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
}
