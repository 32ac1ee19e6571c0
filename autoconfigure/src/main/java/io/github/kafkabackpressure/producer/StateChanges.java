package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.buffer.BoundedBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;

/**
 * Tells of a buffer's changes of state in their order, outside of its lock.
 *
 * <p>Threading: any thread; one at a time tells, the others leave it to that one.
 */
final class StateChanges {

    private static final Log logger = LogFactory.getLog(StateChanges.class);

    private final String name;
    private final BoundedBuffer<?> buffer;
    private final Surroundings<?, ?> told;
    private final AtomicBoolean telling = new AtomicBoolean();

    StateChanges(String name, BoundedBuffer<?> buffer, Surroundings<?, ?> told) {
        this.name = name;
        this.buffer = buffer;
        this.told = told;
    }

    /** Tells what has not been told; costs one volatile read when there is nothing. */
    void tell() {
        // Once more after each turn: a change that came while another thread told is not left to a later call.
        while (buffer.hasChanged() && telling.compareAndSet(false, true)) {
            try {
                for (BufferState change = buffer.nextChange(); change != null; change = buffer.nextChange()) {
                    tell(change);
                }
            } finally {
                telling.set(false);
            }
        }
    }

    private void tell(BufferState change) {
        try {
            told.stateChanged(change, buffer.size());
        } catch (Throwable e) {
            logger.warn("A listener of '" + name + "' failed", e);
        }
    }
}
