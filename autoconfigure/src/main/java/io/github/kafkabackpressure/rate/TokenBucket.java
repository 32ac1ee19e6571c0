package io.github.kafkabackpressure.rate;

/**
 * A bucket that refills evenly. Exact for any rate: it counts in billionths of a token, of which a rate of one token a
 * second brings one each nanosecond.
 *
 * <p>Threading: under the lock of its owner.
 */
public final class TokenBucket implements Bucket {

    /** The most tokens that a bucket may hold. */
    public static final long MOST_TOKENS = 9_000_000_000L;

    private static final long PARTS = 1_000_000_000L;

    private long rate;

    private long capacity;

    /** How long it takes to fill an empty bucket. */
    private long nanosToFill;

    private long level;

    private long at;

    /**
     * Makes a bucket.
     *
     * @param rate tokens a second, at least 1
     * @param burst the most tokens that it holds, from 1 to {@link #MOST_TOKENS}
     * @param full whether it begins full rather than empty
     * @param now the present time in nanoseconds
     */
    public TokenBucket(long rate, long burst, boolean full, long now) {
        check(rate, burst);
        this.rate = rate;
        this.capacity = burst * PARTS;
        this.nanosToFill = ceiling(capacity, rate);
        this.level = full ? capacity : 0;
        this.at = now;
    }

    @Override
    public long tryTake(long cost, long now) {
        refill(now);
        long parts = cost * PARTS;
        if (parts > capacity) {
            throw new IllegalArgumentException(cost + " tokens are more than the bucket can hold");
        }
        if (level >= parts) {
            level -= parts;
            return 0;
        }
        return ceiling(parts - level, rate);
    }

    /**
     * Takes as many tokens as there are, whole ones.
     *
     * @param most no more than so many, at least 1
     * @param now the present time in nanoseconds
     * @return how many were taken
     */
    public long takeUpTo(long most, long now) {
        refill(now);
        long taken = Math.min(most, level / PARTS);
        level -= taken * PARTS;
        return taken;
    }

    /**
     * In how many nanoseconds there are so many tokens, or, where it cannot hold so many, in how many it is full.
     *
     * @param tokens at least 1
     * @param now the present time in nanoseconds
     */
    public long nanosUntil(long tokens, long now) {
        refill(now);
        long missing = (tokens > capacity / PARTS ? capacity : tokens * PARTS) - level;
        return missing <= 0 ? 0 : ceiling(missing, rate);
    }

    /**
     * Refills at another rate from now on. What is in it stays, as far as there is room for it: a change brings no burst.
     *
     * @param newRate tokens a second, at least 1
     * @param burst the most tokens that it holds, from 1 to {@link #MOST_TOKENS}
     * @param now the present time in nanoseconds
     */
    public void change(long newRate, long burst, long now) {
        check(newRate, burst);
        refill(now);
        rate = newRate;
        capacity = burst * PARTS;
        nanosToFill = ceiling(capacity, newRate);
        level = Math.min(level, capacity);
    }

    @Override
    public boolean isAsNew(long now) {
        refill(now);
        return level == capacity;
    }

    private static void check(long rate, long burst) {
        if (rate < 1 || burst < 1 || burst > MOST_TOKENS) {
            throw new IllegalArgumentException("no bucket can have a rate of " + rate + " and a burst of " + burst);
        }
    }

    private void refill(long now) {
        long passed = now - at;
        if (passed <= 0) {
            return; // another thread has looked at the clock later
        }
        at = now;
        long room = capacity - level;
        level = passed >= nanosToFill || passed * rate >= room ? capacity : level + passed * rate;
    }

    private static long ceiling(long dividend, long divisor) {
        return (dividend - 1) / divisor + 1;
    }
}
