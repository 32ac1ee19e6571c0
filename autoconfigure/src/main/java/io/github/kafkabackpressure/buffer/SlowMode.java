package io.github.kafkabackpressure.buffer;

import java.util.concurrent.atomic.LongAdder;

/**
 * Adapts batch size and linger to how fast Kafka acknowledges: while it is slow they double, step by step, up to their
 * bounds, so that fewer and larger batches leave; when it is healthy again they halve back to where they were.
 *
 * <p>Threading: acknowledgements are observed by any thread, steps are made by the sender and by Kafka's threads, one
 * at a time.
 */
public final class SlowMode {

    /** How often a step is made. */
    static final long STEP_NANOS = 500_000_000L;

    /** Doubling needs something to double: a linger of zero becomes this. */
    private static final long LEAST_LINGER_NANOS = 1_000_000L;

    private final Bounds bounds;
    private final LongAdder acknowledgements = new LongAdder();
    private final LongAdder latencyNanos = new LongAdder();

    private volatile int batchSize;
    private volatile long lingerNanos;
    private volatile long lastStep;

    /**
     * Between what batch size and linger move.
     *
     * @param slowNanos mean time to an acknowledgement from which on Kafka is slow; under half of it Kafka is healthy
     */
    public record Bounds(
            long slowNanos, int usualBatchSize, int maxBatchSize, long usualLingerNanos, long maxLingerNanos) {}

    /** @param now the current time */
    public SlowMode(Bounds bounds, long now) {
        this.bounds = bounds;
        this.batchSize = bounds.usualBatchSize();
        this.lingerNanos = bounds.usualLingerNanos();
        this.lastStep = now;
    }

    /** A record was acknowledged after so long. */
    public void acknowledged(long nanos) {
        acknowledgements.increment();
        latencyNanos.add(nanos);
    }

    /**
     * Makes a step if one is due.
     *
     * @param inFlight records in flight; when some are and nothing was acknowledged, Kafka is slow
     */
    public void step(long now, int inFlight) {
        if (now - lastStep >= STEP_NANOS) {
            stepOnce(now, inFlight);
        }
    }

    private synchronized void stepOnce(long now, int inFlight) {
        if (now - lastStep < STEP_NANOS) {
            return;
        }
        lastStep = now;
        long count = acknowledgements.sumThenReset();
        long total = latencyNanos.sumThenReset();
        if (count == 0 ? inFlight > 0 : total / count >= bounds.slowNanos()) {
            batchSize = (int) Math.min(bounds.maxBatchSize(), batchSize * 2L);
            lingerNanos = Math.min(bounds.maxLingerNanos(), Math.max(LEAST_LINGER_NANOS, lingerNanos * 2));
        } else if (count == 0 || total / count < bounds.slowNanos() / 2) {
            batchSize = Math.max(bounds.usualBatchSize(), batchSize / 2);
            long less = lingerNanos / 2;
            lingerNanos =
                    less < LEAST_LINGER_NANOS ? bounds.usualLingerNanos() : Math.max(bounds.usualLingerNanos(), less);
        }
    }

    /** Batch size to use now. */
    public int batchSize() {
        return batchSize;
    }

    /** Linger to use now. */
    public long lingerNanos() {
        return lingerNanos;
    }

    /** Whether batch size or linger is above the usual. */
    public boolean active() {
        return batchSize > bounds.usualBatchSize() || lingerNanos > bounds.usualLingerNanos();
    }
}
