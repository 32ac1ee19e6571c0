package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BufferState;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How full a listener is, with a memory. {@code PRESSURED} begins at the soft limit (four fifths of {@code
 * max-in-flight} unless it is set), {@code FULL} when there is no room; both end when in flight has been at or below
 * half of the soft limit for a second. So a listener that hovers around a limit, or runs full many times a second, is
 * one episode.
 *
 * <p>Threading: {@link #update} by any consumer's thread, one after the other; anyone may ask for the state.
 */
final class Pressure {

    /** How long it must have been calm for an episode to be over. */
    static final long CALM_NANOS = TimeUnit.SECONDS.toNanos(1);

    private volatile long soft;

    private volatile long hard;

    private final Consumer<? super BufferState> told;

    private volatile BufferState state = BufferState.NORMAL;

    /** Since when it has been calm; meaningful while {@link #calm}. Guarded by this. */
    private long calmSince;

    private boolean calm;

    /**
     * Makes a listener's pressure.
     *
     * @param soft records in flight from which on it is under pressure
     * @param hard the most that may be in flight
     * @param told told of each change
     */
    Pressure(long soft, long hard, Consumer<? super BufferState> told) {
        this.soft = soft;
        this.hard = hard;
        this.told = told;
    }

    BufferState state() {
        return state;
    }

    /** Goes by other limits from now on. */
    void change(long newSoft, long newHard) {
        soft = newSoft;
        hard = newHard;
    }

    /** Whether nothing is to be done about this. */
    boolean isNormalWith(long inFlight, boolean full) {
        return state == BufferState.NORMAL && inFlight < soft && !full;
    }

    /** Takes in that there is nothing any more that could be full. */
    void end() {
        boolean ends;
        synchronized (this) {
            ends = state != BufferState.NORMAL;
            state = BufferState.NORMAL;
        }
        if (ends) {
            told.accept(BufferState.NORMAL);
        }
    }

    /**
     * Takes in how full it is.
     *
     * @param full whether the consumer found no room
     */
    void update(long inFlight, boolean full, long now) {
        if (isNormalWith(inFlight, full)) {
            return;
        }
        BufferState change = decide(inFlight, full, now);
        if (change != null) {
            told.accept(change);
        }
    }

    private synchronized @Nullable BufferState decide(long inFlight, boolean full, long now) {
        @Nullable BufferState wanted =
                full || inFlight >= hard ? BufferState.FULL : inFlight >= soft ? BufferState.PRESSURED : null;
        if (wanted != null || inFlight > soft / 2) {
            calm = false;
            return wanted != null && wanted.compareTo(state) > 0 ? moved(wanted) : null;
        }
        if (!calm) {
            calm = true;
            calmSince = now;
        }
        return state != BufferState.NORMAL && now - calmSince >= CALM_NANOS ? moved(BufferState.NORMAL) : null;
    }

    private BufferState moved(BufferState to) {
        state = to;
        return to;
    }
}
