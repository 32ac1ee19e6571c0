package io.github.kafkabackpressure.work;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The permission to handle one record. Whoever holds it closes it, once; closing it again does nothing.
 *
 * <p>Threading: safe for all.
 */
public final class Slot implements AutoCloseable {

    /** Where slots come from and go back to. */
    interface Rack {

        /** Takes a slot back. */
        void release();

        /** Has somebody look for ready records, as a slot is free. */
        void freed();
    }

    private final Rack rack;

    private final AtomicBoolean closed = new AtomicBoolean();

    Slot(Rack rack) {
        this.rack = rack;
    }

    /** Frees the slot for the next thread that waits for one, or for a ready record. */
    @Override
    public void close() {
        if (release()) {
            rack.freed();
        }
    }

    /** As {@link #close}, but the caller looks for ready records itself. False if the slot was free before. */
    boolean release() {
        boolean first = closed.compareAndSet(false, true);
        if (first) {
            rack.release();
        }
        return first;
    }
}
