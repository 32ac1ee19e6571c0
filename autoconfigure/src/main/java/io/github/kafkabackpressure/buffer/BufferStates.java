package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.BufferState;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * How full a buffer is, and the changes of that which nobody has been told of. An episode of pressure goes up only, and
 * ends with {@link BufferState#NORMAL}.
 *
 * <p>Threading: changed under the lock of the buffer that owns it; read, and changes asked for, by any thread.
 */
final class BufferStates {

    private final BufferLimits limits;
    private final Queue<BufferState> changes = new ConcurrentLinkedQueue<>();

    private volatile BufferState state = BufferState.NORMAL;

    BufferStates(BufferLimits limits) {
        this.limits = limits;
    }

    BufferState now() {
        return state;
    }

    boolean hasChanged() {
        return !changes.isEmpty();
    }

    @Nullable BufferState nextChange() {
        return changes.poll();
    }

    /** So much waits now, after more came. */
    void grown(int records, long bytes) {
        if (records >= limits.records() || bytes >= limits.bytes()) {
            rise(BufferState.FULL);
        } else if (records >= limits.softLimit() || bytes >= limits.softBytes()) {
            rise(BufferState.PRESSURED);
        }
    }

    /** A record found no room. */
    void full() {
        rise(BufferState.FULL);
    }

    /** So much waits now, after some left. */
    void shrunk(int records, long bytes) {
        if (state != BufferState.NORMAL && records <= limits.calmRecords() && bytes <= limits.calmBytes()) {
            transitionTo(BufferState.NORMAL);
        }
    }

    private void rise(BufferState to) {
        if (to.compareTo(state) > 0) {
            transitionTo(to);
        }
    }

    private void transitionTo(BufferState to) {
        state = to;
        changes.add(to);
    }
}
