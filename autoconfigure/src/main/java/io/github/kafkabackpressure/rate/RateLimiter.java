package io.github.kafkabackpressure.rate;

/**
 * Says whether one more record may be sent now.
 *
 * <p>Threading: any thread; waiting, and who goes first, is the caller's.
 */
public interface RateLimiter {

    /**
     * Admits one record if the rate allows it now.
     *
     * @return zero if it was admitted, else in how many nanoseconds to ask again
     */
    long tryAcquire();
}
