package io.github.kafkabackpressure.listener.consume;

/**
 * Is told in each tick how full the listener is.
 *
 * <p>Threading: the consumers' threads; it must be quick.
 */
public interface LoadListener {

    /** Is told nothing. */
    LoadListener NONE = (inFlight, full) -> {};

    /**
     * Takes in how full the listener is.
     *
     * @param full whether the consumer found no room
     */
    void update(long inFlight, boolean full);
}
