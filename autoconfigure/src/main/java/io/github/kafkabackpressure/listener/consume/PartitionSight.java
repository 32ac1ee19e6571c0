package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.flow.ArrivalRate;
import io.github.kafkabackpressure.progress.PollTimes;

/**
 * What is to be seen of a partition's work besides what the work itself needs. Times are on the run's clock.
 *
 * <p>Threading: the consumer's thread writes, anyone reads the volatile fields.
 */
public final class PartitionSight {

    /** What a time is that there is none of. */
    public static final long NEVER = PollTimes.UNKNOWN;

    /** When what may be unfinished was polled. */
    public final PollTimes polls = new PollTimes();

    /** Since when it has been paused for the present reason, or not been paused. */
    public volatile long pausedAt = NEVER;

    /** The offset that is polled next; -1 if nothing has been polled. */
    public volatile long position = -1;

    /** The end of the partition as the last fetch told it; -1 if nothing has been polled. */
    public volatile long endOffset = -1;

    /** Records from where the consumer stood to the end, when it was last asked; -1 if it did not know. */
    public volatile long lag = -1;

    /** Records appended to the partition per second, as its end told it when it last moved. */
    public volatile double arrivedPerSecond;

    /** What tells that; the consumer's thread only. */
    final ArrivalRate arrivals = new ArrivalRate();

    /** Records polled past the frontier. */
    public volatile long pastFrontier;

    /** When the first unfinished record was polled; {@link #NEVER} if there is none. */
    public volatile long oldestPolledAt = NEVER;

    /** Where the frontier was at the last look; the consumer's thread only. */
    long frontierSeen = -1;

    /** When the frontier moved last, or what was polled began to wait for it. */
    public volatile long frontierMovedAt = NEVER;
}
