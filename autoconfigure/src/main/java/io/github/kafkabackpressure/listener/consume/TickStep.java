package io.github.kafkabackpressure.listener.consume;

/**
 * One of the things that a consumer does before each poll.
 *
 * <p>Threading: the consumer's thread.
 */
interface TickStep {

    /**
     * Does it.
     *
     * @param polledAt when the consumer was last known to be in a poll, in nanoseconds: about the present time
     */
    void tick(long polledAt);

    /** How long the consumer may poll at most before this has something to do again, in nanoseconds. */
    default long nanosToNext() {
        return Long.MAX_VALUE;
    }
}
