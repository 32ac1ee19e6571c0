package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;

/**
 * What a template can be asked about itself at any time, cheaply.
 *
 * <p>Threading: any thread.
 */
public interface ProducerStats {

    /** Records that wait in the buffer. */
    int buffered();

    /** The most records that may wait. */
    int maxBuffered();

    /** Bytes that wait in the buffer. */
    long bufferedBytes();

    /** Records with Kafka's producer, not yet acknowledged. */
    int inFlight();

    /** How many records may be in flight. */
    int maxInFlight();

    /** How full the buffer is. */
    BufferState state();

    /** Whether batch size and linger are enlarged because Kafka is slow. */
    boolean slow();

    /** Threads that wait to send: for their turn under the rate limit, or for room. */
    int blocked();

    /** How often a thread has had to wait to send, since the template was made. */
    long blockedTotal();

    /** How long threads have waited to send since then, all together, in nanoseconds; those that still wait included. */
    long blockedNanos();

    /** Records that were accepted, since the template was made. */
    long accepted();

    /** Records that ended so, since the template was made. */
    long ended(SendOutcome outcome);
}
