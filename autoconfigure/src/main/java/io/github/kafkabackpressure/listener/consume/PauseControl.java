package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Brings the paused partitions of a consumer to what they should be: those that the user paused, and those that the
 * limits pause. It goes by levels: whatever signal was lost or came twice, the next tick compares again.
 *
 * <p>Threading: the consumer's thread.
 */
public final class PauseControl implements TickStep {

    /** How long to wait for room before everything is paused, where handling only computes. */
    private static final long LONGEST_WAIT_NANOS = 1_000_000;

    /** How long to poll while a partition is paused for its share only: what decides on that has no signal. */
    private static final long SHARE_CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /** How long to poll while a partition is paused for what is held up in it: much of what ends that has no signal. */
    private static final long HELD_CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    private final UserPauses byUser;

    private final ListenerPause ofListener;

    /** Why single partitions are paused: the first that says so decides. */
    private final List<PauseRule> rules;

    private final HeldRoom held;

    private final Shares shares;

    /** How often limits had been changed when all partitions were last looked at. */
    private int changes;

    private final Set<PartitionWork> pausedForShare = new LinkedHashSet<>();

    /** Whether too much was held up in all partitions together at the last look. */
    private boolean heldTooMuch;

    /** Whether all partitions have been told that the listener is paused. */
    private boolean allPaused;

    /**
     * Makes the control of a consumer.
     *
     * @param consumer Kafka's own consumer
     */
    public PauseControl(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.byUser = new UserPauses(assignment);
        this.ofListener = new ListenerPause(assignment);
        FetchableRecords fetchable = new FetchableRecords(assignment, consumer);
        this.held = new HeldRoom(assignment, fetchable);
        this.shares = new Shares(assignment, fetchable, held);
        this.rules = PauseRules.of(assignment, consumer, held, shares);
    }

    /** Why the whole listener is paused on this consumer; null if it is not. */
    public @Nullable PauseReason reason() {
        return ofListener.reason();
    }

    /**
     * Compares and changes what differs. After it, either room for a poll is reserved, or everything is paused, or there
     * is nothing to be polled.
     */
    @Override
    public void tick(long polledAt) {
        held.beginTick();
        shares.beginTick();
        boolean mayPoll = byUser.leavePartitionsToPoll();
        if (reason() == null && assignment.side.mayAwaitRoom() && run.workers.isComputing() && mayPoll) {
            awaitRoomOfPartition();
            awaitRoom(); // last, as another consumer may take the room
        }
        ofListener.decide(mayPoll);
        assignment.side.load.update(run.limit.inFlight(), reason() == PauseReason.MAX_IN_FLIGHT);
        if (!applyListener()) {
            apply(assignment.touched());
            if (!pausedForShare.isEmpty()) {
                apply(List.copyOf(pausedForShare));
            }
            applyHeldTogether();
        }
        if (hasPausedForShare() && run.workers.isComputing()) {
            awaitShare();
        }
    }

    /**
     * Waits a moment for shares to drain if nothing else is to be polled: where handling only computes that is sooner
     * than a poll without records would end.
     */
    private void awaitShare() {
        int paused = pausedForShare.size();
        for (int wait = 0;
                wait < Moments.DRAIN_WAITS && pausedForShare.size() == paused && !shares.othersCanBePolled();
                wait++) {
            Moments.waitForDrain();
            apply(List.copyOf(pausedForShare));
        }
    }

    /** Looks at all partitions if that has changed which decides about each: what is held up in all of them. */
    private void applyHeldTogether() {
        boolean tooMuch = held.holdTooMuchTogether();
        if (tooMuch != heldTooMuch || isPausedForHeldRecords()) {
            heldTooMuch = tooMuch;
            apply(assignment.works());
        }
    }

    /** Tells all partitions whether the listener is paused, if that has changed. */
    private boolean applyListener() {
        boolean pauses = reason() != null;
        int changed = run.room.changes.get();
        if (allPaused == pauses && changes == changed) {
            return false;
        }
        apply(assignment.works());
        changes = changed;
        allPaused = pauses; // not before: Kafka's consumer may have refused
        return true;
    }

    /** Pauses newly assigned partitions if the listener is paused: the poll that brought them goes on to fetch. */
    public void assigned(Collection<PartitionWork> added) {
        decideIfNothingWasPolled();
        apply(added);
    }

    /** Reserves room for what can be polled now, or has it paused, where there was nothing to be polled so far. */
    private void decideIfNothingWasPolled() {
        if (!assignment.room.reserved && reason() == null) {
            ofListener.decide(byUser.leavePartitionsToPoll());
            applyListener();
        }
    }

    /** Takes in what the user wants paused and not paused any more. */
    public void setPausedByUser(Collection<TopicPartition> partitions, boolean paused) {
        List<PartitionWork> changed = byUser.set(partitions, paused);
        decideIfNothingWasPolled();
        apply(changed);
    }

    /** The partitions that the user paused. */
    Set<TopicPartition> pausedByUser() {
        return byUser.partitions();
    }

    /** Forgets partitions that are not assigned any more. */
    public void removed(Collection<PartitionWork> leaving) {
        pausedForShare.removeAll(leaving);
        for (PartitionWork work : leaving) {
            held.forget(work);
            if (work.ownReason != null) {
                run.metrics.resumed(work.ownReason); // every pause that is counted ends
                work.ownReason = null;
            }
        }
        byUser.removed();
    }

    /** Ends all pauses, as the consumer is closed. */
    public void close() {
        assignment.works().forEach(held::forget);
        ofListener.close();
    }

    /** How long to poll at most, in nanoseconds: what ends some pauses has no signal. */
    @Override
    public long nanosToNext() {
        if (hasPausedForShare()) {
            return SHARE_CHECK_NANOS;
        }
        return hasPausedForHeldRecords() ? HELD_CHECK_NANOS : Long.MAX_VALUE;
    }

    /** Whether a partition is paused for its share only, which must be looked at again soon. */
    public boolean hasPausedForShare() {
        if (reason() != null || pausedForShare.isEmpty()) {
            return false;
        }
        for (PartitionWork work : pausedForShare) {
            if (!work.held.isInTheWay()) {
                return true;
            }
        }
        return false;
    }

    /** Whether all is paused, and maybe only because of records that stand still. */
    private boolean isPausedForHeldRecords() {
        return reason() == PauseReason.MAX_IN_FLIGHT && run.room.partitionMarks == null && held.mayKeepListenerPaused();
    }

    /** Whether a partition is paused for what is held up in it, which must be looked at again now and then. */
    private boolean hasPausedForHeldRecords() {
        if (isPausedForHeldRecords()) {
            return true;
        }
        for (PartitionWork work : pausedForShare) {
            if (work.held.isInTheWay()) {
                return true;
            }
        }
        return false;
    }

    /** Waits for room a moment where handling only computes. */
    private void awaitRoom() {
        int size = run.room.pollSize;
        if (!assignment.room.reserved
                && !run.limit.hasRoomWithin(size)
                && !Moments.comesSoon(() -> run.limit.hasRoomFor(run.room.pollSize))) {
            assignment.room.await(LONGEST_WAIT_NANOS);
        }
    }

    /**
     * Waits a moment for a partition that would have to leave the next poll to others because of a record that might hang:
     * Kafka's consumer may have more of it at hand, and to pause it would cost more than it takes to drain.
     */
    private void awaitRoomOfPartition() {
        if (run.room.partitionMarks != null || assignment.dispatcher.hasHanging()) {
            return;
        }
        for (PartitionWork work : assignment.touched()) {
            if (!work.paused && shares.holdsUpOthers(work)) {
                if (!Moments.comesSoon(() -> !shares.holdsUpTooMuch(work))) {
                    Moments.awaitDrained(() -> !shares.holdsUpTooMuch(work));
                }
                return; // one wait a tick: any other that is over is paused
            }
        }
    }

    private void apply(Collection<PartitionWork> works) {
        PauseReason all = reason();
        List<PartitionWork> toPause = null;
        List<PartitionWork> toResume = null;
        for (PartitionWork work : works) {
            decideOwn(work); // may ask Kafka's consumer, which may throw: nothing has been noted as paused by then
        }
        for (PartitionWork work : works) {
            PauseReason reason = work.pausedByUser ? PauseReason.USER : all != null ? all : work.ownReason;
            if (work.reason != reason) {
                work.reason = reason;
                work.sight.pausedAt = run.nanoTime.getAsLong();
            }
            boolean paused = reason != null;
            if (paused != work.paused) {
                if (paused) {
                    toPause = toPause == null ? new ArrayList<>() : toPause;
                    toPause.add(work);
                } else {
                    toResume = toResume == null ? new ArrayList<>() : toResume;
                    toResume.add(work);
                }
            }
        }
        // Noted once it is done: Kafka's consumer may refuse, and then the next tick tries again.
        if (toPause != null) {
            consumer.pause(partitions(toPause));
            toPause.forEach(work -> work.paused = true);
        }
        if (toResume != null) {
            consumer.resume(partitions(toResume));
            toResume.forEach(work -> work.paused = false);
        }
    }

    private static List<TopicPartition> partitions(List<PartitionWork> works) {
        return works.stream().map(work -> work.partition).toList();
    }

    private void decideOwn(PartitionWork work) {
        PauseReason before = work.ownReason;
        PauseReason now = ownReason(work);
        if (now != before) {
            work.ownReason = now;
            if (before != null) {
                run.metrics.resumed(before);
            }
            if (now != null) {
                run.metrics.paused(now);
            }
            if (isShare(now)) {
                pausedForShare.add(work);
            } else if (isShare(before)) {
                pausedForShare.remove(work);
            }
        }
    }

    /** Why a partition on its own should be paused; sees to it that its end is noticed. */
    private @Nullable PauseReason ownReason(PartitionWork work) {
        for (PauseRule rule : rules) {
            PauseReason why = rule.why(work);
            if (why != null) {
                work.wakeAt = rule.wakeAt(work);
                if (!rule.hasEnded(work)) {
                    return why;
                }
                break;
            }
        }
        if (work.wakeAt >= 0) {
            work.wakeAt = -1;
        }
        return null;
    }

    /** Whether it is a reason that ends without a signal, by what others do. */
    private static boolean isShare(@Nullable PauseReason reason) {
        return reason == PauseReason.FAIR_SHARE || reason == PauseReason.TOPIC_PRIORITY;
    }
}
