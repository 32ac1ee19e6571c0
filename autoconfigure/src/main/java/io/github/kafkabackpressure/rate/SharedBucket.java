package io.github.kafkabackpressure.rate;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.rate.SharedRateLimit.Grant;
import io.github.kafkabackpressure.rate.SharedRateLimit.Rate;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * This instance's part of a bucket that several instances take from. It takes tokens in bulk ahead and hands them out one
 * by one; while an answer is on its way, and when the tokens cannot be reached, records wait or go by a share of the
 * rate that this instance may use alone.
 *
 * <table>
 * <caption>States and legal moves</caption>
 * <tr><th>state</th><th>meaning</th><th>moves</th></tr>
 * <tr><td>{@code IDLE}</td><td>nothing was asked for that is not answered</td><td>to {@code ASKING}</td></tr>
 * <tr><td>{@code ASKING}</td><td>an answer is awaited</td>
 *     <td>to {@code IDLE} by an answer, to {@code AWAY} by a failure or when it takes too long</td></tr>
 * <tr><td>{@code AWAY}</td><td>the tokens could not be reached and are not asked for before a time</td>
 *     <td>to {@code PROBING} after it, to {@code IDLE} by an answer that comes late</td></tr>
 * <tr><td>{@code PROBING}</td><td>the tokens could not be reached, and an answer is awaited</td>
 *     <td>as {@code ASKING}</td></tr>
 * </table>
 *
 * <p>Threading: {@link #tryTake} under the lock of its owner, answers on any thread. Its own lock is held by neither
 * while foreign code is called.
 */
public final class SharedBucket implements Bucket {

    /** How long an answer may take, and how long after a failure to ask again. */
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private enum State {
        IDLE,
        ASKING,
        AWAY,
        PROBING
    }

    private final SharedRateLimit source;

    private final String name;

    private final Rate rate;

    private final long ahead;

    /** Makes the bucket to go by while the tokens cannot be reached; null to wait. */
    private final @Nullable LocalShare share;

    private final Runnable answered;

    private final LongSupplier nanoTime;

    @GuardedBy("this") private State state = State.IDLE;

    @GuardedBy("this") private long tokens;

    /** Since when an answer is awaited, or when the tokens could not be reached. */
    @GuardedBy("this") private long since;

    /** Before when there are no tokens to be had. */
    @GuardedBy("this") private long notBefore;

    @GuardedBy("this") private @Nullable Bucket local;

    @GuardedBy("this") private long localRateSoFar;

    /** Tells the requests apart: a late answer must not be taken for that of a later one. */
    @GuardedBy("this") private long requests;

    /** The part of the rate that this instance may use when it cannot reach the tokens. */
    public interface LocalShare {

        /** Its tokens a second, at least 1. */
        long tokensPerSecond();
    }

    /**
     * Makes a part of a bucket.
     *
     * @param source where the tokens are
     * @param name the bucket's name there
     * @param rate how it refills
     * @param ahead tokens to take at once, at least 1
     * @param share what to use while the tokens cannot be reached; null to wait for them
     * @param answered called when tokens may have come, on any thread
     * @param nanoTime the clock
     */
    public SharedBucket(
            SharedRateLimit source,
            String name,
            Rate rate,
            long ahead,
            @Nullable LocalShare share,
            Runnable answered,
            LongSupplier nanoTime) {
        this.source = source;
        this.name = name;
        this.rate = rate;
        this.ahead = Math.max(1, Math.min(ahead, rate.burst()));
        this.share = share;
        this.answered = answered;
        this.nanoTime = nanoTime;
        this.notBefore = nanoTime.getAsLong();
    }

    @Override
    public long tryTake(long cost, long now) {
        long request;
        long most;
        long wait;
        synchronized (this) {
            if (tokens >= cost) {
                tokens -= cost;
                wait = 0;
            } else {
                wait = waitFor(cost, now);
            }
            most = tokens < Math.max(ahead / 2, wait > 0 ? cost : 1) ? Math.max(ahead, cost - tokens) : 0;
            if (most == 0 || !mayAsk(now)) {
                return wait;
            }
            state = state == State.AWAY ? State.PROBING : State.ASKING;
            since = now;
            request = ++requests;
        }
        ask(request, most);
        return wait == 0 ? 0 : afterAsking(cost, now);
    }

    /** One that is not asked holds no tokens for long, so nothing is lost but what it took ahead. */
    @Override
    public synchronized boolean isAsNew(long now) {
        return state == State.IDLE && tokens == 0 && now - notBefore > PATIENCE_NANOS;
    }

    private synchronized long afterAsking(long cost, long now) {
        if (tokens >= cost) {
            tokens -= cost; // the answer has come at once
            return 0;
        }
        return waitFor(cost, now);
    }

    @GuardedBy("this") private long waitFor(long cost, long now) {
        boolean asked = state == State.ASKING || state == State.PROBING;
        if (asked && now - since >= PATIENCE_NANOS) {
            state = State.AWAY;
            since = now;
        }
        return switch (state) {
            case IDLE -> Math.max(1, notBefore - now);
            case ASKING -> Math.max(1, since + PATIENCE_NANOS - now);
            case AWAY, PROBING -> {
                long again = Math.max(1, since + PATIENCE_NANOS - now);
                yield share == null
                        ? again
                        : Math.min(again, requireLocal(share, now).tryTake(cost, now));
            }
        };
    }

    @GuardedBy("this") private Bucket requireLocal(LocalShare ofRate, long now) {
        Bucket known = local;
        long localRate = Math.max(1, ofRate.tokensPerSecond());
        if (known == null || localRate != localRateSoFar) {
            // It begins empty: what was in the common bucket may have been taken by others.
            known = new TokenBucket(localRate, rate.burst(), false, now);
            local = known;
            localRateSoFar = localRate;
        }
        return known;
    }

    @GuardedBy("this") private boolean mayAsk(long now) {
        return switch (state) {
            case IDLE -> now - notBefore >= 0;
            case ASKING, PROBING -> false;
            case AWAY -> now - since >= PATIENCE_NANOS;
        };
    }

    @SuppressWarnings("FutureReturnValueIgnored") // how it ends reaches the callback
    private void ask(long request, long most) {
        try {
            CompletionStage<Grant> answer = source.take(name, most, rate);
            CompletableFuture<Grant> future = answer.toCompletableFuture();
            if (future.isDone()) {
                take(request, future.handle((grant, failure) -> grant).join());
                return; // who asks looks again
            }
            // Not on this thread, which may hold locks that those need who are told.
            future.whenCompleteAsync((grant, failure) -> {
                take(request, failure == null ? grant : null);
                answered.run();
            });
        } catch (RuntimeException e) {
            failed(request);
        }
    }

    private void take(long request, @Nullable Grant grant) {
        if (grant == null) {
            failed(request);
        } else {
            granted(request, grant);
        }
    }

    private synchronized void granted(long request, Grant grant) {
        tokens += grant.tokens(); // also of an answer that comes late: they are taken
        if (request == requests) {
            state = State.IDLE;
            local = null;
            notBefore = nanoTime.getAsLong() + (grant.tokens() > 0 ? 0 : Math.max(1, grant.nanosToNext()));
        }
    }

    private synchronized void failed(long request) {
        if (request == requests && state != State.IDLE) {
            state = State.AWAY;
            since = nanoTime.getAsLong();
        }
    }
}
