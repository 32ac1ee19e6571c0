package io.github.kafkabackpressure.rate;

/**
 * Tokens that come back with time, of which each record takes some when it is started.
 *
 * <p>Threading: under the lock of its owner.
 */
public interface Bucket {

    /**
     * Takes tokens if there are so many.
     *
     * @param cost tokens to take, at least 1 and no more than the bucket can hold
     * @param now the present time in nanoseconds
     * @return zero if they were taken, else in how many nanoseconds to ask again
     */
    long tryTake(long cost, long now);

    /** Whether it is as one that has just been made, so that it may be forgotten and made again. */
    boolean isAsNew(long now);
}
