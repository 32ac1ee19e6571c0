package io.github.kafkabackpressure.work;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The permission to handle one record. Whoever holds it closes it, once; closing it again does nothing.
 *
 * <p>Threading: safe for all.
 */
public final class Slot implements AutoCloseable {

    private final Slots slots;

    private final AtomicBoolean closed = new AtomicBoolean();

    Slot(Slots slots) {
        this.slots = slots;
    }

    /** Frees the slot for the next thread that waits for one, or for a ready record. */
    @Override
    public void close() {
        if (release()) {
            slots.freed();
        }
    }

    /** As {@link #close}, but the caller looks for ready records itself. False if the slot was free before. */
    boolean release() {
        boolean first = closed.compareAndSet(false, true);
        if (first) {
            slots.release();
        }
        return first;
    }
}
