package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.rate.RateGate;
import io.github.kafkabackpressure.rate.RateLimiter;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is to send under the rate limit, if there is one.
 *
 * <p>Threading: any thread; those that must not wait are refused.
 */
final class Turns {

    private final @Nullable RateGate gate;
    private final int bypass;
    private final long maxBlockNanos;
    private final BooleanSupplier mayEnter;
    private final BlockedSends blocked;

    /**
     * @param blocked told of those that wait
     * @param mayEnter whether records are taken; {@link #release()} makes those that wait look again
     */
    Turns(
            ProducerOptions options,
            @Nullable RateLimiter limiter,
            BlockedSends blocked,
            BooleanSupplier mayEnter,
            LongSupplier nanoTime) {
        this.blocked = blocked;
        this.gate = limiter == null ? null : new RateGate(limiter, nanoTime);
        this.bypass = options.priorities().bypass();
        this.maxBlockNanos = options.maxBlock().toNanos();
        this.mayEnter = mayEnter;
    }

    boolean areFor(PendingSend<?, ?> send) {
        return gate != null && send.priority() < bypass;
    }

    /** Whether the record may be sent now, without a wait. */
    boolean tryPass(PendingSend<?, ?> send) {
        return gate == null || send.priority() >= bypass || gate.tryPass();
    }

    /** Waits for up to {@code max-block}; says why the record cannot be sent, or null if its turn has come. */
    @Nullable SendOutcome await() {
        if (gate == null) {
            return null;
        }
        if (OwnThread.mayNotWait()) {
            return gate.tryPass() ? null : SendOutcome.RATE_LIMITED;
        }
        if (gate.tryPass()) {
            return null;
        }
        blocked.begins();
        try {
            if (gate.pass(maxBlockNanos, mayEnter)) {
                return null;
            }
            return mayEnter.getAsBoolean() ? SendOutcome.RATE_LIMITED : SendOutcome.CLOSED;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return SendOutcome.INTERRUPTED;
        } finally {
            blocked.ends();
        }
    }

    void release() {
        if (gate != null) {
            gate.release();
        }
    }
}
