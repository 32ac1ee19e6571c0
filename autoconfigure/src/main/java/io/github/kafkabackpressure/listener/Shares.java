package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import java.util.OptionalLong;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.Consumer;

/**
 * Which of a consumer's partitions have to leave the next poll to others. Kafka's consumer hands out what it has fetched
 * partition by partition: without a look at what the others have, one partition takes all the room before the next has
 * its turn.
 *
 * <p>Threading: the consumer's thread.
 */
final class Shares {

    /** How long the least in flight holds while records are quick, as asking costs a look at each partition. */
    private static final long OTHERS_CHECK_NANOS = 5_000_000;

    /** How long a partition's lag holds; to ask costs some 0.1 µs, or a round trip to another thread in newer groups. */
    private static final long LAG_HOLDS_NANOS = 5_000_000;

    /** The same for no lag; there may be many idle partitions. */
    private static final long NO_LAG_HOLDS_NANOS = 20_000_000;

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    /** Whether a partition's records run one at a time. */
    private final boolean oneAtATime;

    /** The least that a partition with records to be fetched has in flight, as last seen. */
    private int leastInFlight;

    private long leastSeenAt;

    /** Whether {@link #leastInFlight} has been looked at since the last poll. */
    private boolean leastKnown;

    /**
     * Makes the shares of a consumer.
     *
     * @param consumer Kafka's own consumer
     */
    Shares(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.oneAtATime = run.options.ordering() == Ordering.PARTITION;
        this.leastSeenAt = run.nanoTime.getAsLong() - OTHERS_CHECK_NANOS;
    }

    /** Says that a new tick begins: what the partitions have in flight must be looked at again. */
    void beginTick() {
        leastKnown = false;
    }

    /** Whether a partition should be paused so that the next poll brings others' records. */
    boolean leavesPollToOthers(PartitionWork work) {
        if (holdsUpOthers(work) || standsInTheWay(work)) {
            return true;
        }
        int inFlight = work.inFlight.inFlight();
        long withinShare = withinShare();
        return inFlight >= withinShare && matter() && othersGoFirst(inFlight, withinShare);
    }

    /**
     * Whether with another poll a single record that hangs could hold up more than the low watermark: the listener, once
     * full, would then not be resumed before that record ends. That it hangs is known late, if it is among quick ones.
     */
    boolean holdsUpTooMuch(PartitionWork work) {
        return oneAtATime && work.inFlight.inFlight() + run.pollSize > Math.max(run.pollSize, run.limit.lowWatermark());
    }

    /**
     * Whether records of a partition wait for another attempt and with another poll might take the room of all others,
     * which may have records at any time while these wait.
     */
    boolean standsInTheWay(PartitionWork work) {
        return work.hasWaiting() && run.partitions.get() > 1 && work.inFlight.inFlight() > mostThatMayStand();
    }

    /** How many records of a partition may be in flight so that another poll of it leaves enough room for others. */
    int mostThatMayStand() {
        return (int) Math.max(0, run.limit.lowWatermark() - run.pollSize);
    }

    /** Whether {@link #holdsUpTooMuch}, and others may have records for which the room would be missing. */
    boolean holdsUpOthers(PartitionWork work) {
        return holdsUpTooMuch(work) && othersMayHaveRecords(work);
    }

    /** Whether another partition has, or for all that is known may have, records to be fetched. */
    private boolean othersMayHaveRecords(PartitionWork work) {
        // Another consumer's partitions only its own thread may ask.
        return run.partitions.get() > assignment.works().size() || anyMayHaveRecords(other -> other != work);
    }

    /** Whether a partition that is not paused has, or for all that is known may have, records to be fetched. */
    boolean othersCanBePolled() {
        return anyMayHaveRecords(work -> !work.paused);
    }

    private boolean anyMayHaveRecords(Predicate<PartitionWork> among) {
        long now = run.nanoTime.getAsLong();
        for (PartitionWork work : assignment.works()) {
            if (among.test(work) && mayHaveRecords(work, now)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether room is so short that partitions must share it. Where a partition's records run one at a time, they must
     * as soon as handling takes time: a few partitions that fill the limit would leave most workers idle. Where
     * handling only computes they need not: what is in flight drains in no time, and each pause costs more than it
     * brings. Unless a record hangs after all.
     */
    private boolean matter() {
        if (run.workers.isComputing() && !assignment.dispatcher.hasHanging()) {
            return false;
        }
        return run.limit.inFlight() * 2 >= run.limit.limit() || (oneAtATime && run.workers.isSlow());
    }

    /** A partition's share, less the poll that may still come: at or above that it may be paused for others' sake. */
    private long withinShare() {
        return Math.max(1, run.limit.limit() / Math.max(1, run.partitions.get()) - run.pollSize + 1);
    }

    /**
     * Whether a partition above its share has to leave the next poll to another: to one within its share, or, where its
     * records run one at a time and take time, to the one that would be the first to run dry.
     */
    private boolean othersGoFirst(int inFlight, long withinShare) {
        boolean leastFirst = oneAtATime && run.workers.isSlow();
        long now = run.nanoTime.getAsLong();
        if (leastFirst ? !leastKnown : now - leastSeenAt >= OTHERS_CHECK_NANOS) {
            leastSeenAt = now;
            leastKnown = true;
            leastInFlight = leastInFlight(now);
        }
        return leastInFlight < withinShare || (leastFirst && leastInFlight < inFlight);
    }

    /** The least that a partition has in flight that has, or for all that is known may have, records to be fetched. */
    private int leastInFlight(long now) {
        int least = Integer.MAX_VALUE;
        for (PartitionWork work : assignment.works()) {
            int inFlight = work.inFlight.inFlight();
            if (inFlight < least && mayHaveRecords(work, now)) {
                least = inFlight;
            }
        }
        return least;
    }

    private boolean mayHaveRecords(PartitionWork work, long now) {
        if (work.pausedByUser
                || work.ownReason == PauseReason.FRONTIER_STUCK
                || work.ownReason == PauseReason.COMMIT_METADATA) {
            return false;
        }
        if (now - work.lagHoldsUntil >= 0) {
            OptionalLong lag = consumer.currentLag(work.partition);
            work.mayHaveRecords = lag.isEmpty() || lag.getAsLong() > 0;
            work.lagHoldsUntil = now + (work.mayHaveRecords ? LAG_HOLDS_NANOS : NO_LAG_HOLDS_NANOS);
        }
        return work.mayHaveRecords;
    }
}
