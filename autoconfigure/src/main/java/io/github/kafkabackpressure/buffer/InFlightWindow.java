package io.github.kafkabackpressure.buffer;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the records that are with Kafka's producer and not yet acknowledged, and never lets them be more than the
 * limit. Two counters that only grow, one for each side: the threads that send do not contend with the one that
 * acknowledges.
 *
 * <p>Threading: any thread.
 */
public final class InFlightWindow {

    private final int limit;
    private final AtomicLong acquired = new AtomicLong();
    private final AtomicLong released = new AtomicLong();

    /** @param limit records that may be in flight, at least 1 */
    public InFlightWindow(int limit) {
        this.limit = limit;
    }

    /**
     * Acquires up to {@code wanted} places; each must be released once.
     *
     * @return how many were free, 0 to {@code wanted}
     */
    public int tryAcquire(int wanted) {
        while (true) {
            // Read in this order, the difference can only be too large: what is released in between is not seen.
            long before = acquired.get();
            long inFlight = before - released.get();
            int granted = (int) Math.min(wanted, limit - inFlight);
            if (granted <= 0) {
                return 0;
            }
            if (acquired.compareAndSet(before, before + granted)) {
                return granted;
            }
        }
    }

    /** Acquires a place even beyond the limit: for what cannot wait. */
    public void acquireRegardless(int count) {
        acquired.addAndGet(count);
    }

    /**
     * Gives back one place.
     *
     * @return how many were given back so far; see {@link #releasedWhenFree}
     */
    public long release() {
        return released.incrementAndGet();
    }

    /** How many places must have been given back so that so many are free, if none is acquired until then. */
    public long releasedWhenFree(int places) {
        return acquired.get() - limit + places;
    }

    /** Gives back places that were acquired and not used. */
    public void release(int count) {
        released.addAndGet(count);
    }

    /** Records in flight now. */
    public int inFlight() {
        // The other way round it could be negative.
        long done = released.get();
        return (int) (acquired.get() - done);
    }

    /** Places that are free now; negative if more are in flight than the limit allows. */
    public int free() {
        return limit - inFlight();
    }

    /** How many places there are. */
    public int limit() {
        return limit;
    }
}
