package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import org.jspecify.annotations.Nullable;

/**
 * The room that records take which are held up, by a record before them in their lane or by a back-off, and how much of
 * it a partition may have before it is in the way of all others. Each partition's are its {@link HeldRecords}.
 *
 * <p>Threading: the consumer's thread.
 */
final class HeldRoom {

    private final Assignment assignment;

    private final ListenerRun run;

    private final FetchableRecords fetchable;

    /** Whether a partition's records run one at a time. */
    private final boolean oneAtATime;

    /** How many partitions have little held up, and how many of these may have records. */
    private int good;

    private int goodWithRecords;

    /** Whether these have been looked at since the last poll. */
    private boolean goodKnown;

    HeldRoom(Assignment assignment, FetchableRecords fetchable) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.fetchable = fetchable;
        this.oneAtATime = run.settings.ordering() == Ordering.PARTITION;
    }

    /** Says that a new tick begins: what is held up must be looked at again. */
    void beginTick() {
        goodKnown = false;
    }

    /** Takes in what is held up in a partition, and whether that is in others' way, whatever pauses the partition. */
    @Nullable PauseReason takeIn(PartitionWork work) {
        if (run.room.partitionMarks == null) {
            lookAt(work);
        } else if (work.held.held() > 0) {
            forget(work); // the partitions' own limit has been set meanwhile
        }
        return null;
    }

    /**
     * Looks whether what is held up in a partition might with another poll take the room of all others, which may have records
     * at any time while that lasts. With records that wait for another attempt it leaves half of the room. In lanes, and
     * together, such partitions may have {@link #mostTogether}.
     */
    private void lookAt(PartitionWork work) {
        HeldRecords records = work.held;
        int waiting = work.waitingRecords();
        int held = heldUp(work, waiting);
        long now = held > 0 ? run.nanoTime.getAsLong() : 0;
        set(records, held, now);
        boolean hasOthers = run.partitions.get() > 1;
        records.setInTheWay(hasOthers && mayTakeAllRoom(work, held, waiting));
        boolean counts = records.isInTheWay() || (records.standsForLong(now) && isNotWaitedFor(work, hasOthers, now));
        int standing = records.count(counts, waiting);
        if (standing != 0) {
            run.limit.addStanding(standing);
        }
    }

    /** Whether what stands still in a partition is not waited for before a full listener goes on, with it or with others. */
    private boolean isNotWaitedFor(PartitionWork work, boolean hasOthers, long now) {
        boolean headStands = work.held.headStandsForLong(work.tracker.head(), now);
        return hasOthers ? headStands || leavesRoomToOthers(work) || work.held.few() : headStands && !oneAtATime;
    }

    private void set(HeldRecords records, int held, long now) {
        int stoodBefore = records.standing();
        int difference = records.set(held, now);
        if (difference != 0) {
            run.held.addAndGet(difference);
        }
        if (records.standing() != stoodBefore) {
            run.standing.addAndGet(records.standing() - stoodBefore);
        }
    }

    private boolean mayTakeAllRoom(PartitionWork work, int held, int waiting) {
        int inFlight = work.inFlight.inFlight();
        // What has not ended yet may be as bad as what is held up.
        int mayBeHeld = run.workers.isComputing() ? held : inFlight;
        if (mayBeHeld > few() && holdTooMuchTogether() && leavesRoomToOthers(work)) {
            return true;
        }
        if (inFlight > mostHeldUp() && (waiting > 0 || (held > mostTogether() && !oneAtATime))) {
            return true; // what has not started yet may be as bad as what waits for its next attempt
        }
        long mostOfNew = oneAtATime ? run.limit.limit() - 2L * run.room.pollSize : mostHeldUp();
        return inFlight > Math.max(0, mostOfNew) && isNew(work);
    }

    /**
     * Whether nothing of a partition has ended yet and records wait for their turn. If what has begun hangs, so will these;
     * but where there is a worker for each place the limit may be filled.
     */
    private boolean isNew(PartitionWork work) {
        long counts = work.inFlight.counts();
        int inFlight = PartitionInFlight.inFlight(counts);
        int mayBegin = work.lanes.hasKeys() ? work.lanes.keys() : inFlight; // what is behind those is held up
        return !run.workers.isComputing()
                && work.tracker.tail() == inFlight
                && PartitionInFlight.running(counts) < mayBegin
                && run.limit.limit() > run.settings.maxConcurrency();
    }

    /**
     * Whether there is another partition with less than its part of what may be held up, for which others must leave room: where
     * records run one at a time and only compute, only if it may have records, or if what is held up has not drained for long.
     */
    private boolean leavesRoomToOthers(PartitionWork work) {
        if (run.partitions.get() > assignment.works().size()) {
            return true; // another consumer's
        }
        if (!goodKnown) {
            goodKnown = true;
            lookForGood();
        }
        HeldRecords own = work.held;
        boolean othersHaveRecords = goodWithRecords > (own.fewAndFetchable() ? 1 : 0);
        boolean areOthers = good > (own.few() ? 1 : 0);
        return othersHaveRecords || (areOthers && (!oneAtATime || !run.workers.isComputing() || own.standsStill()));
    }

    private void lookForGood() {
        long now = run.nanoTime.getAsLong();
        good = 0;
        goodWithRecords = 0;
        long most = Math.max(run.room.pollSize, mostOfEach());
        for (PartitionWork work : assignment.works()) {
            HeldRecords records = work.held;
            boolean few = !work.pausedByUser && records.held() <= most;
            records.setFew(few, few && fetchable.mayBeOf(work, now));
            good += records.few() ? 1 : 0;
            goodWithRecords += records.fewAndFetchable() ? 1 : 0;
        }
    }

    /** Forgets what is held up in a partition, which is not the consumer's any more. */
    void forget(PartitionWork work) {
        set(work.held, 0, 0);
        work.held.setInTheWay(false);
        run.limit.addStanding(work.held.count(false, 0));
    }

    /** How many records of a partition wait for something else than a worker. */
    private int heldUp(PartitionWork work, int waiting) {
        if (run.settings.ordering() == Ordering.UNORDERED || work.queues != null) {
            return waiting;
        }
        boolean computes = waiting == 0 && run.workers.isComputing();
        int inFlight = work.inFlight.inFlight();
        if (oneAtATime) {
            boolean drains = computes && (inFlight <= run.room.pollSize || work.held.hasMoved(work.tracker.head()));
            return drains ? 0 : inFlight;
        }
        if (computes && !work.lanes.hasKeys()) {
            return 0; // what waits in slices drains in no time
        }
        int behind = Math.max(0, Math.min(inFlight, inFlight + waiting - work.lanes.keys()));
        // With those that they wait for, of which there may be as many as have begun.
        return Math.min(inFlight, behind + Math.min(behind, work.inFlight.running()));
    }

    /** How many records of a partition may be held up so that another poll of it leaves enough room for others. */
    private long mostHeldUp() {
        return Math.max(0, Math.max(run.limit.lowWatermark(), run.limit.limit() / 2) - run.room.pollSize);
    }

    /**
     * How many records of all partitions may be held up together, so that one of these is still polled: what comes may all be
     * held up as well, and then there must be room for a poll of each of some others: the last for a good one, those before
     * for such as turn out to be as bad, with the few that they may have before. Each other consumer has room reserved, too.
     */
    private long mostTogether() {
        int consumers = Math.max(1, run.room.consumers().size());
        long leavesOnePoll = run.limit.limit() - (consumers + 1L) * run.room.pollSize - few();
        long leavesAll = leavesOnePoll - (pollsForOthers() - 1L) * run.room.pollSize;
        // With less than a poll even healthy partitions would have to wait for each other all the time.
        return Math.max(0, Math.max(leavesAll, Math.min(leavesOnePoll, run.room.pollSize)));
    }

    /**
     * For how many others there must be room. Where a partition's records run one at a time more of them would only wait,
     * else a partition's other keys are behind them.
     */
    private long pollsForOthers() {
        long most = oneAtATime ? Math.max(2, run.limit.limit() / run.room.pollSize / 2) : 2;
        return Math.max(1, Math.min(run.partitions.get() - 1L, most));
    }

    /** With how many records in flight a partition is polled in any case, so that it need not run dry before. */
    private int few() {
        return run.room.pollSize / 4;
    }

    /** A partition's part of {@link #mostTogether}. */
    private long mostOfEach() {
        return mostTogether() / Math.max(1, run.partitions.get());
    }

    /** Whether the partitions of all consumers have so much held up that none may add much to it. */
    boolean holdTooMuchTogether() {
        return run.held.get() > mostTogether();
    }

    /** Whether what stands still may be all that keeps the listener, once full, from being resumed. */
    boolean mayKeepListenerPaused() {
        long held = run.held.get();
        boolean mayBeAll = held > 0 && run.limit.inFlight() - held <= run.limit.lowWatermark();
        return mayBeAll && (run.partitions.get() > 1 || !oneAtATime);
    }

    /** With how many records in flight a partition can be in the way no more, whatever they wait for. */
    int neverInTheWay() {
        return (int) (holdTooMuchTogether() ? Math.min(mostHeldUp(), few()) : mostHeldUp());
    }
}
