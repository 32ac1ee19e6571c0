package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.Watermarks;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Brings the paused partitions of a consumer to what they should be: those that the user paused, and those that the
 * limits pause. It goes by levels: whatever signal was lost or came twice, the next tick compares again.
 *
 * <p>Threading: the consumer's thread.
 */
final class PauseControl {

    /**
     * So many records from the first unfinished one to the newest pause a partition: what waits behind a stuck record
     * costs a bit each, but comes again after a restart.
     */
    static final long LONGEST_SPAN = 1 << 22;

    /** How long to wait, and how often, until a partition drains that handling which only computes has nearly done. */
    private static final long DRAIN_WAIT_NANOS = 50_000;

    private static final int DRAIN_WAITS = 10;

    /** How often to look for room before the thread offers its core to a worker that may wait for one: some 16 µs. */
    private static final int LOOKS_FOR_ROOM = 20;

    /** How long to look on while offering the core: a thread that sleeps is woken late. */
    private static final long YIELDING_NANOS = 200_000;

    /** How long to wait for room before everything is paused, where handling only computes. */
    private static final long LONGEST_WAIT_NANOS = 1_000_000;

    /** A look costs the workers too, as it takes the counters' memory from them; a spin takes about 50 ns. */
    private static final int SPINS_PER_LOOK = 16;

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    /** How often limits had been changed when all partitions were last looked at. */
    private int changes;

    private final Shares shares;

    /** What topics of different worth get; null if all are alike. */
    private final @Nullable TopicShares topicShares;

    private final Set<PartitionWork> pausedForShare = new LinkedHashSet<>();

    /** The partitions that the user paused; made anew when they change, as the loop asks for them at each turn. */
    private Set<TopicPartition> pausedByUser = Set.of();

    /** Why the whole listener is paused on this consumer; null if it is not. */
    private @Nullable PauseReason listenerReason;

    /** Whether too much was held up in all partitions together at the last look. */
    private boolean heldTooMuch;

    /** Whether all partitions have been told of {@link #listenerReason}. */
    private boolean allPaused;

    /**
     * Makes the control of a consumer.
     *
     * @param consumer Kafka's own consumer
     */
    PauseControl(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.shares = new Shares(assignment, consumer);
        this.topicShares =
                run.options.overload().topicPriority().isEmpty() ? null : new TopicShares(assignment, consumer);
    }

    /** Why the whole listener is paused on this consumer; null if it is not. */
    @Nullable PauseReason reason() {
        return listenerReason;
    }

    /**
     * Compares and changes what differs. After it, either room for a poll is reserved, or everything is paused, or there
     * is nothing to be polled.
     */
    void update() {
        shares.beginTick();
        if (listenerReason == null && run.overload == null && run.workers.isComputing() && hasPartitionsToPoll()) {
            awaitRoomOfPartition();
            awaitRoom(); // last, as another consumer may take the room
        }
        decideListener();
        run.signs.update(run.limit.inFlight(), listenerReason == PauseReason.MAX_IN_FLIGHT);
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
                wait < DRAIN_WAITS && pausedForShare.size() == paused && !shares.othersCanBePolled();
                wait++) {
            LockSupport.parkNanos(this, DRAIN_WAIT_NANOS);
            apply(List.copyOf(pausedForShare));
        }
    }

    /** Looks at all partitions if that has changed which decides about each: what is held up in all of them. */
    private void applyHeldTogether() {
        boolean tooMuch = shares.holdTooMuchTogether();
        if (tooMuch != heldTooMuch || isPausedForHeldRecords()) {
            heldTooMuch = tooMuch;
            apply(assignment.works());
        }
    }

    /** Tells all partitions whether the listener is paused, if that has changed. */
    private boolean applyListener() {
        boolean pauses = listenerReason != null;
        int changed = run.changes.get();
        if (allPaused == pauses && changes == changed) {
            return false;
        }
        apply(assignment.works());
        changes = changed;
        allPaused = pauses; // not before: Kafka's consumer may have refused
        return true;
    }

    /** Pauses newly assigned partitions if the listener is paused: the poll that brought them goes on to fetch. */
    void assigned(Collection<PartitionWork> added) {
        decideIfNothingWasPolled();
        apply(added);
    }

    /** Reserves room for what can be polled now, or has it paused, where there was nothing to be polled so far. */
    private void decideIfNothingWasPolled() {
        if (!assignment.reserved && listenerReason == null) {
            decideListener();
            applyListener();
        }
    }

    /** Takes in what the user wants paused and not paused any more. */
    void setPausedByUser(Collection<TopicPartition> partitions, boolean paused) {
        List<PartitionWork> changed = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            PartitionWork work = assignment.work(partition);
            if (work == null) {
                throw new IllegalStateException("No current assignment for partition " + partition);
            }
            work.pausedByUser = paused;
            changed.add(work);
        }
        updatePausedByUser();
        decideIfNothingWasPolled();
        apply(changed);
    }

    private void updatePausedByUser() {
        Set<TopicPartition> paused = new HashSet<>();
        for (PartitionWork work : assignment.works()) {
            if (work.pausedByUser) {
                paused.add(work.partition);
            }
        }
        count(paused, pausedByUser, run.metrics::paused);
        count(pausedByUser, paused, run.metrics::resumed);
        pausedByUser = Collections.unmodifiableSet(paused);
    }

    private static void count(
            Set<TopicPartition> some, Set<TopicPartition> without, java.util.function.Consumer<PauseReason> counter) {
        for (TopicPartition partition : some) {
            if (!without.contains(partition)) {
                counter.accept(PauseReason.USER);
            }
        }
    }

    /** The partitions that the user paused. */
    Set<TopicPartition> pausedByUser() {
        return pausedByUser;
    }

    /** Forgets partitions that are not assigned any more. */
    void removed(Collection<PartitionWork> leaving) {
        pausedForShare.removeAll(leaving);
        for (PartitionWork work : leaving) {
            shares.forget(work);
            if (work.ownReason != null) {
                run.metrics.resumed(work.ownReason); // every pause that is counted ends
                work.ownReason = null;
            }
        }
        if (!pausedByUser.isEmpty()) {
            updatePausedByUser();
        }
    }

    /** Ends all pauses, as the consumer is closed. */
    void close() {
        assignment.works().forEach(shares::forget);
        if (listenerReason != null) {
            run.metrics.resumed(listenerReason);
            listenerReason = null;
        }
    }

    /** Whether a partition is paused for its share only, which must be looked at again soon. */
    boolean hasPausedForShare() {
        if (listenerReason != null || pausedForShare.isEmpty()) {
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
        return listenerReason == PauseReason.MAX_IN_FLIGHT
                && run.partitionMarks == null
                && shares.mayKeepListenerPaused();
    }

    /** Whether a partition is paused for what is held up in it, which must be looked at again now and then. */
    boolean hasPausedForHeldRecords() {
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

    /**
     * Waits for room a moment where handling only computes: it comes sooner than all partitions could be paused and
     * resumed. The signal that ends a wait in a poll would cost the worker more than its records.
     */
    private void awaitRoom() {
        if (assignment.reserved
                || run.limit.hasRoomWithin(run.pollSize)
                || comesSoon(() -> run.limit.hasRoomFor(run.pollSize))) {
            return;
        }
        setWaiting(true);
        try {
            assignment.awaitRoom(LONGEST_WAIT_NANOS);
        } finally {
            setWaiting(false);
        }
    }

    /**
     * Waits a moment for a partition that would have to leave the next poll to others because of a record that might hang:
     * Kafka's consumer may have more of it at hand, and to pause it would cost more than it takes to drain.
     */
    private void awaitRoomOfPartition() {
        if (run.partitionMarks != null || assignment.dispatcher.hasHanging()) {
            return;
        }
        for (PartitionWork work : assignment.touched()) {
            if (!work.paused && shares.holdsUpOthers(work)) {
                boolean drained = comesSoon(() -> !shares.holdsUpTooMuch(work));
                for (int wait = 0; wait < DRAIN_WAITS && !drained; wait++) {
                    LockSupport.parkNanos(this, DRAIN_WAIT_NANOS);
                    drained = !shares.holdsUpTooMuch(work);
                }
                return; // one wait a tick: any other that is over is paused
            }
        }
    }

    /**
     * Looks for something that workers do: at first for so long as would not be worth giving up the core, then offering it
     * to whoever waits for one. By the real clock, since that is what workers on their cores go by.
     */
    @SuppressWarnings("ThreadPriorityCheck") // a yield here is a matter of speed only
    private static boolean comesSoon(BooleanSupplier condition) {
        for (int look = 0; look < LOOKS_FOR_ROOM; look++) {
            if (condition.getAsBoolean()) {
                return true;
            }
            for (int spin = 0; spin < SPINS_PER_LOOK; spin++) {
                Thread.onSpinWait();
            }
        }
        long until = System.nanoTime() + YIELDING_NANOS;
        boolean came = false;
        while (!came && System.nanoTime() - until < 0) {
            Thread.yield();
            came = condition.getAsBoolean();
        }
        return came;
    }

    private void decideListener() {
        PauseReason before = listenerReason;
        if (hasPartitionsToPoll()) {
            listenerReason = listenerReasonNow();
            setWaiting(listenerReason != null);
            if (listenerReason != null) {
                // What was released before this consumer counted as waiting woke nobody.
                listenerReason = listenerReasonNow();
                setWaiting(listenerReason != null);
            }
        } else {
            listenerReason = null;
            leaveRoomToOthers();
        }
        if (before != listenerReason) {
            if (before != null) {
                run.metrics.resumed(before);
            }
            if (listenerReason != null) {
                run.metrics.paused(listenerReason);
            }
        }
    }

    /** Whether there is a partition that the user has not paused. Without one, room would be held in vain. */
    private boolean hasPartitionsToPoll() {
        for (PartitionWork work : assignment.works()) {
            if (!work.pausedByUser) {
                return true;
            }
        }
        return false;
    }

    private void leaveRoomToOthers() {
        if (assignment.reserved) {
            assignment.giveBackReserved();
            run.wakeIfRoom();
        }
        if (assignment.waitsForRoom) {
            setWaiting(false);
            run.wakeIfRoom(); // somebody may have waited behind this consumer
        }
    }

    private @Nullable PauseReason listenerReasonNow() {
        if (run.overload != null && run.overload.hasUnsorted()) {
            return PauseReason.MAX_IN_FLIGHT;
        }
        if (run.overload != null && run.overload.pollsWhileFull()) {
            return pausedForBytes();
        }
        if (run.limit.excess() > 0) {
            assignment.giveBackReserved(); // the limit was lowered
        }
        if (!assignment.reserved) {
            int size = run.pollSize;
            assignment.reservedSize = size;
            boolean mayTake = listenerReason != PauseReason.MAX_IN_FLIGHT || run.limit.isDrainedToLowWatermark();
            assignment.reserved = mayTake && run.limit.tryReserveInTurn(assignment, size);
        }
        if (!assignment.reserved) {
            return PauseReason.MAX_IN_FLIGHT;
        }
        return pausedForBytes();
    }

    private @Nullable PauseReason pausedForBytes() {
        return run.byteMarks != null && run.byteMarks.pauses(run.bytesInFlight.get())
                ? PauseReason.MAX_IN_FLIGHT_BYTES
                : null;
    }

    private void setWaiting(boolean waits) {
        if (waits != assignment.waitsForRoom) {
            assignment.waitsForRoom = waits;
            if (waits) {
                run.limit.startWaiting(assignment);
            } else {
                run.limit.stopWaiting(assignment);
            }
        }
    }

    private void apply(Collection<PartitionWork> works) {
        List<PartitionWork> toPause = null;
        List<PartitionWork> toResume = null;
        for (PartitionWork work : works) {
            decideOwn(work); // may ask Kafka's consumer, which may throw: nothing has been noted as paused by then
        }
        for (PartitionWork work : works) {
            PauseReason reason =
                    work.pausedByUser ? PauseReason.USER : listenerReason != null ? listenerReason : work.ownReason;
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
        Watermarks partitionMarks = run.partitionMarks;
        PauseReason before = work.ownReason;
        PauseReason now = ownReason(work);
        if (partitionMarks != null && now == PauseReason.MAX_IN_FLIGHT_PER_PARTITION) {
            work.wakeAt = (int) partitionMarks.low();
            // A completion before the line above woke nobody.
            if (work.inFlight.inFlight() <= partitionMarks.low()) {
                now = null;
            }
        }
        if (now == PauseReason.FAIR_SHARE && work.held.isInTheWay()) {
            work.wakeAt = shares.neverInTheWay();
        } else if (now == PauseReason.FRONTIER_STUCK || now == PauseReason.COMMIT_METADATA) {
            work.wakeAt = Integer.MAX_VALUE; // any completion may be the one that matters
        } else if (now == null && work.wakeAt >= 0) {
            work.wakeAt = -1;
        }
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

    /** Whether it is a reason that ends without a signal, by what others do. */
    private static boolean isShare(@Nullable PauseReason reason) {
        return reason == PauseReason.FAIR_SHARE || reason == PauseReason.TOPIC_PRIORITY;
    }

    private @Nullable PauseReason ownReason(PartitionWork work) {
        if (work.tracker.span() >= LONGEST_SPAN) {
            return PauseReason.FRONTIER_STUCK;
        }
        Watermarks partitionMarks = run.partitionMarks;
        if (topicShares != null && topicShares.leavesPollToHigher(work)) {
            return PauseReason.TOPIC_PRIORITY;
        }
        if (assignment.content.isNearlyFull(work)) {
            return PauseReason.COMMIT_METADATA;
        }
        if (partitionMarks != null) {
            if (work.held.held() > 0) {
                shares.forget(work); // they were fair before the limits were changed
            }
            boolean paused = work.ownReason == PauseReason.MAX_IN_FLIGHT_PER_PARTITION;
            return partitionMarks.pauses(paused, work.inFlight.inFlight())
                    ? PauseReason.MAX_IN_FLIGHT_PER_PARTITION
                    : null;
        }
        if (run.overload != null && run.overload.pollsWhileFull()) {
            return null; // who comes when it is full is dropped, or others for it: shares would decide otherwise
        }
        return shares.leavesPollToOthers(work) ? PauseReason.FAIR_SHARE : null;
    }
}
