package io.github.kafkabackpressure.producer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.function.LongSupplier;

/**
 * How long senders have had to wait for their turn or for room. The wait of who still waits counts, so that what hangs
 * shows while it hangs.
 *
 * <p>Threading: any thread. Only those that wait anyway come here.
 */
final class BlockedSends {

    private final LongSupplier nanoTime;

    @GuardedBy("this") private int waiting;

    @GuardedBy("this") private long count;

    @GuardedBy("this") private long nanos;

    /** Up to when the waits are in {@link #nanos}. */
    @GuardedBy("this") private long upTo;

    /** @param nanoTime monotonic */
    BlockedSends(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.upTo = nanoTime.getAsLong();
    }

    /** Takes in that a sender begins to wait. {@link #ends} must follow. */
    synchronized void begins() {
        advance();
        waiting++;
        count++;
    }

    /** Takes in that a sender waits no more. */
    synchronized void ends() {
        advance();
        waiting--;
    }

    /** Senders that wait now. */
    synchronized int waiting() {
        return waiting;
    }

    /** How often a sender has begun to wait. */
    synchronized long count() {
        return count;
    }

    /** How long they have waited, all together, in nanoseconds. */
    synchronized long nanos() {
        advance();
        return nanos;
    }

    @GuardedBy("this") private void advance() {
        long now = nanoTime.getAsLong();
        if (now - upTo > 0) { // another thread may have read the clock later
            nanos += (now - upTo) * waiting;
            upTo = now;
        }
    }
}
