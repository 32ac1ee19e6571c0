package io.github.kafkabackpressure.flow;

import io.github.kafkabackpressure.PauseReason;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * What a consumer's time goes into: it is idle (nothing is in flight), paused for a reason, or else busy. It is one of
 * them at each moment, so the times add up to the time that has passed.
 *
 * <p>Threading: one thread says what is, anyone reads.
 */
public final class TimeShares {

    /** The index of the busy time in {@link #totals}. */
    public static final int BUSY = 0;

    /** The index of the idle time in {@link #totals}. */
    public static final int IDLE = 1;

    private static final int FIRST_REASON = 2;

    private static final PauseReason[] REASONS = PauseReason.values();

    /** How long {@link #totals} is. */
    public static final int KINDS = FIRST_REASON + REASONS.length;

    private final AtomicLongArray totals = new AtomicLongArray(KINDS);

    /** What has been since when: one object, so that a reader never sees the one without the other. */
    private record Since(int kind, long at) {}

    private static final Since CHANGING = new Since(-1, 0);

    private int kind = IDLE;

    private volatile Since since;

    /** @param now the present time in nanoseconds */
    public TimeShares(long now) {
        this.since = new Since(kind, now);
    }

    /** The index of the time paused for a reason in {@link #totals}. */
    @SuppressWarnings("EnumOrdinal") // an index within this JVM
    public static int paused(PauseReason reason) {
        return FIRST_REASON + reason.ordinal();
    }

    /** Whether {@link #become} would change anything; spares the caller a look at the clock. */
    public boolean differs(boolean idle, @Nullable PauseReason paused) {
        return kind != kindOf(idle, paused);
    }

    /**
     * Says what is from now on.
     *
     * @param idle whether nothing is in flight
     * @param paused why it is paused, which counts before all else; null if it is not
     * @param now the present time in nanoseconds
     */
    public void become(boolean idle, @Nullable PauseReason paused, long now) {
        int next = kindOf(idle, paused);
        if (next != kind) {
            Since before = since;
            since = CHANGING; // whoever reads now reads again
            totals.set(kind, totals.getPlain(kind) + now - before.at());
            kind = next;
            since = new Since(next, now);
        }
    }

    private static int kindOf(boolean idle, @Nullable PauseReason paused) {
        return paused != null ? paused(paused) : idle ? IDLE : BUSY;
    }

    /**
     * Adds up to now how long it has been what, in nanoseconds.
     *
     * @param into by kind, of the length {@link #KINDS}
     */
    public void addTotals(long[] into, long now) {
        long[] read = new long[KINDS];
        Since last;
        do { // until nothing has changed meanwhile: else a time would be counted twice, or not at all
            last = since;
            for (int index = 0; index < KINDS; index++) {
                read[index] = totals.getAcquire(index);
            }
        } while (last == CHANGING || last != since);
        read[last.kind()] += Math.max(0, now - last.at());
        for (int index = 0; index < KINDS; index++) {
            into[index] += read[index];
        }
    }
}
