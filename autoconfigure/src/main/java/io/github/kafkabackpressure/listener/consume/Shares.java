package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import org.jspecify.annotations.Nullable;

/**
 * Which of a consumer's partitions have to leave the next poll to others. Kafka's consumer hands out what it has fetched
 * partition by partition: without a look at what the others have, one partition takes all the room before the next has
 * its turn.
 *
 * <p>Threading: the consumer's thread.
 */
final class Shares implements PauseRule {

    /** How long the least in flight holds while records are quick, as asking costs a look at each partition. */
    private static final long OTHERS_CHECK_NANOS = 5_000_000;

    private final Assignment assignment;

    private final ListenerRun run;

    private final FetchableRecords fetchable;

    private final HeldRoom held;

    /** Whether a partition's records run one at a time. */
    private final boolean oneAtATime;

    /** The least that a partition with records to be fetched has in flight, as last seen. */
    private int leastInFlight;

    private long leastSeenAt;

    /** Whether {@link #leastInFlight} has been looked at since the last poll. */
    private boolean leastKnown;

    Shares(Assignment assignment, FetchableRecords fetchable, HeldRoom held) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.fetchable = fetchable;
        this.held = held;
        this.oneAtATime = run.settings.ordering() == Ordering.PARTITION;
        this.leastSeenAt = run.nanoTime.getAsLong() - OTHERS_CHECK_NANOS;
    }

    /** Says that a new tick begins: what the partitions have in flight must be looked at again. */
    void beginTick() {
        leastKnown = false;
    }

    /** Pauses a partition so that the next poll brings others' records. */
    @Override
    public @Nullable PauseReason why(PartitionWork work) {
        return run.room.partitionMarks == null && leavesPollToOthers(work) ? PauseReason.FAIR_SHARE : null;
    }

    @Override
    public int wakeAt(PartitionWork work) {
        return work.held.isInTheWay() ? held.neverInTheWay() : work.wakeAt;
    }

    private boolean leavesPollToOthers(PartitionWork work) {
        if (work.held.isInTheWay() || holdsUpOthers(work)) {
            return true;
        }
        int inFlight = inShare(work);
        long withinShare = withinShare();
        return inFlight >= withinShare && matter() && othersGoFirst(inFlight, withinShare);
    }

    /**
     * What counts for a partition's share: not what stands still behind some of its keys, or in a back-off. That has
     * bounds of its own, and the partition's other records have a share as those of others have.
     */
    private int inShare(PartitionWork work) {
        int inFlight = work.inFlight.inFlight();
        return oneAtATime ? inFlight : Math.max(0, inFlight - work.held.standing());
    }

    /**
     * Whether with another poll a single record that hangs could hold up too much. Where a partition's records run one at
     * a time that is more than the low watermark: the listener, once full, would then not be resumed before that record
     * ends. In slices it is what would leave no poll to others. That it hangs is known late, if it is among quick ones.
     */
    boolean holdsUpTooMuch(PartitionWork work) {
        if (!oneAtATime && !run.workers.isComputing()) {
            return false;
        }
        long most = oneAtATime ? run.limit.lowWatermark() : run.limit.limit() - run.room.pollSize;
        return work.inFlight.inFlight() + run.room.pollSize > Math.max(run.room.pollSize, most);
    }

    /** Whether {@link #holdsUpTooMuch}, and others may have records for which the room would be missing. */
    boolean holdsUpOthers(PartitionWork work) {
        return holdsUpTooMuch(work) && othersMayHaveRecords(work);
    }

    /** Whether another partition has, or for all that is known may have, records to be fetched. */
    private boolean othersMayHaveRecords(PartitionWork work) {
        // Another consumer's partitions only its own thread may ask.
        return run.partitions.get() > assignment.works().size() || fetchable.mayBeOfAny(other -> other != work);
    }

    /** Whether a partition that is not paused has, or for all that is known may have, records to be fetched. */
    boolean othersCanBePolled() {
        return fetchable.mayBeOfAny(work -> !work.paused);
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
        if (run.limit.inFlight() * 2 >= run.limit.limit()) {
            return true;
        }
        // Or there is not a poll for each of them, and what is slow may hang.
        return run.workers.isSlow() && (oneAtATime || isShortOfPolls());
    }

    private boolean isShortOfPolls() {
        return run.limit.inFlight() + (long) run.partitions.get() * run.room.pollSize > run.limit.limit();
    }

    /**
     * A partition's share of what does not stand still, less the poll that may still come: at or above that it may be paused
     * for others' sake.
     */
    private long withinShare() {
        long moves = run.limit.limit() - run.standing.get();
        return Math.max(1, moves / Math.max(1, run.partitions.get()) - run.room.pollSize + 1);
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
            int inFlight = inShare(work);
            if (inFlight < least && fetchable.mayBeOf(work, now)) {
                least = inFlight;
            }
        }
        return least;
    }
}
