package io.github.kafkabackpressure.buffer;

import org.jspecify.annotations.Nullable;

/**
 * One record that can wait in a {@link BoundedBuffer}. It carries the buffer's own links, so that waiting costs no
 * object of its own and any record can leave from the middle in constant time.
 *
 * <p>Threading: the links belong to the buffer, under its lock; the rest is immutable.
 */
public abstract class Buffered {

    /** Lowest priority there is. */
    public static final int LOWEST_PRIORITY = 0;

    /** Highest priority there is. */
    public static final int HIGHEST_PRIORITY = 9;

    final int priority;
    final int bytes;

    @Nullable Buffered older;

    @Nullable Buffered newer;

    /** The list that it stands in now. */
    @Nullable Object list;

    /** Neighbours of the same priority; used by {@link Victims.LowestPriority} only. */
    @Nullable Buffered olderPeer;

    @Nullable Buffered newerPeer;

    /** Position in the array of {@link Victims.Random}; used by it only. */
    int slot;

    /** Counts from 1 in the order of acceptance. */
    long position;

    private long acceptedNanos;

    /**
     * @param priority 0 to 9
     * @param bytes size of the record
     */
    protected Buffered(int priority, int bytes) {
        if (priority < LOWEST_PRIORITY || priority > HIGHEST_PRIORITY) {
            throw new IllegalArgumentException("A priority is 0 to 9, not " + priority);
        }
        this.priority = priority;
        this.bytes = bytes;
    }

    /** 0 to 9; a higher one is dropped later. */
    public final int priority() {
        return priority;
    }

    /** Size of the record. */
    public final int bytes() {
        return bytes;
    }

    /** When the buffer took it in. */
    public final long acceptedNanos() {
        return acceptedNanos;
    }

    final void accepted(long atPosition, long nanos) {
        this.position = atPosition;
        this.acceptedNanos = nanos;
    }
}
