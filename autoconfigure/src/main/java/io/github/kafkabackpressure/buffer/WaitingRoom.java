package io.github.kafkabackpressure.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The records of a listener that were polled and not started, where more is to be decided about them than whose turn it
 * is in its lane: which goes first, which has to wait for a rate, and which is dropped. A record leaves it in one of two
 * ways, by {@link #take} to be handled or by one of the ways to be dropped, and the lock sees to it that it is one.
 *
 * <p>A record that waits is ready when it is the first of its lane, nothing of the lane is started, and it has a place
 * within the limit. Workers do not get records, but tickets: who has one takes the record whose turn it is by then.
 * There are about as many tickets out as records are ready, but no more than workers; {@link #issueTickets} says how
 * many to hand out whenever {@link #needsTickets} says so.
 *
 * <p>Threading: any thread. All that is not final is guarded by one lock, but for the volatile fields, which are written
 * under it and read without. No foreign code is called under the lock but the gate, and
 * who counts a record that gets its place.
 *
 * @param <E> what waits
 */
public final class WaitingRoom<E extends Waiting> {

    private final ReentrantLock lock = new ReentrantLock();

    private final Victims victims;

    private final StartGate<? super E> gate;

    private final int mostTickets;

    @GuardedBy("lock") private final ReadyLanes ready;

    @GuardedBy("lock") private final GateQueues held;

    /** All that wait, in the order in which they came. */
    @GuardedBy("lock") private @Nullable Buffered oldest;

    @GuardedBy("lock") private @Nullable Buffered newest;

    @GuardedBy("lock") private int waiting;

    @GuardedBy("lock") private long arrivals;

    @GuardedBy("lock") private long timesReady;

    @GuardedBy("lock") private int ticketsOut;

    /** Records that wait without a place within the limit. */
    @GuardedBy("lock") private int unadmitted;

    private volatile boolean hasUnadmitted;

    private volatile boolean needsTickets;

    /** When a record that is held back is due; meaningful while {@link #isHeldBack}. */
    private volatile long dueAt;

    private volatile boolean heldBack;

    /**
     * Makes an empty room.
     *
     * @param overflow chooses victims; {@link Overflow#BLOCK} and its like choose none
     * @param random picks for {@link Overflow#DROP_RANDOM}
     * @param gate asked before a record is started
     * @param agingNanos what a record must have been ready for to go before one of the next higher priority
     * @param mostTickets the most workers that there may be
     */
    public WaitingRoom(
            Overflow overflow, RandomGenerator random, StartGate<? super E> gate, long agingNanos, int mostTickets) {
        this.victims = Victims.of(overflow, this::oldest, random);
        this.gate = gate;
        this.mostTickets = mostTickets;
        this.ready = new ReadyLanes(agingNanos);
        this.held = new GateQueues(agingNanos);
    }

    /**
     * Lets a record in, at the end of its lane.
     *
     * @param laneKey tells its lane; nobody may change it
     * @param admitted whether it has a place within the limit; else it gets one by {@link #admitNext}
     * @param now the present time in nanoseconds
     */
    public void put(E record, WaitingLanes lanes, Object laneKey, boolean admitted, long now) {
        lock.lock();
        try {
            record.accepted(++arrivals, now);
            record.lanes = lanes;
            record.admitted = admitted;
            record.stage = Waiting.Stage.WAITS;
            link(record);
            victims.added(record);
            waiting++;
            WaitingLane lane = lanes.laneOf(laneKey);
            lane.append(record);
            if (!admitted) {
                unadmitted++;
            } else if (lane.first == record && lane.started == 0) {
                becameReady(lane, now);
            }
            updateTickets();
        } finally {
            lock.unlock();
        }
    }

    /**
     * As {@link #put}, and takes the record with the same key out that waits in the same partition, if there is one: it
     * is to be dropped.
     *
     * @param key tells which records only the newest is kept of
     */
    public @Nullable E putNewest(E record, WaitingLanes lanes, Object laneKey, Object key, boolean admitted, long now) {
        lock.lock();
        try {
            Waiting before = lanes.newest.put(key, record);
            if (before != null) {
                removeWaiting(before, now);
            }
            record.key = key;
            put(record, lanes, laneKey, admitted, now);
            return before == null ? null : cast(before);
        } finally {
            lock.unlock();
        }
    }

    /** Takes the record out that is to be dropped for one that comes; null if it is the one that comes. */
    public @Nullable E takeVictim(E incoming, long now) {
        lock.lock();
        try {
            if (oldest == null || !victims.canYield(incoming, 1, 0)) {
                return null;
            }
            Waiting victim = (Waiting) victims.choose();
            removeWaiting(victim, now);
            updateTickets();
            return cast(victim);
        } finally {
            lock.unlock();
        }
    }

    /** Whether records wait without a place. */
    public boolean hasUnadmitted() {
        return hasUnadmitted;
    }

    /**
     * Gives a place to the record that waits for one longest.
     *
     * @param counted told of the record under the lock, before anybody can start it
     * @return null if none waits for one
     */
    public @Nullable E admitNext(Consumer<? super E> counted, long now) {
        lock.lock();
        try {
            if (unadmitted == 0) {
                return null;
            }
            // The newest ones are those without a place, but for some among them whose victims were quicker.
            Waiting first = null;
            int left = unadmitted;
            for (Buffered at = newest; at != null && left > 0; at = at.older) {
                if (!((Waiting) at).admitted) {
                    first = (Waiting) at;
                    left--;
                }
            }
            Waiting admitted = Objects.requireNonNull(first);
            counted.accept(cast(admitted));
            admitted.admitted = true;
            unadmitted--;
            WaitingLane lane = laneOf(admitted);
            if (lane.first == admitted && lane.started == 0) {
                becameReady(lane, now);
            }
            updateTickets();
            return cast(admitted);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Uses a ticket up: starts the record whose turn it is. {@link #leave} must follow when its lane may go on.
     *
     * @param now the present time in nanoseconds
     * @return null if none may start now
     */
    public @Nullable E take(long now) {
        lock.lock();
        try {
            ticketsOut = Math.max(0, ticketsOut - 1);
            held.releaseDue(now, ready);
            E taken = null;
            while (taken == null) {
                WaitingLane lane = ready.takeBest(now);
                if (lane == null) {
                    break;
                }
                Waiting first = Objects.requireNonNull(lane.first);
                if (passes(first, lane, now)) {
                    start(first, lane);
                    taken = cast(first);
                }
            }
            updateTickets();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Starts the record that is next in the lane of a started one, to be handled together with that.
     *
     * @param now the present time in nanoseconds
     * @return null if there is none that may start now
     */
    public @Nullable E takeBehind(E started, long now) {
        lock.lock();
        try {
            WaitingLane lane = laneOf(started);
            Waiting next = lane.first;
            if (next == null || !next.admitted) {
                return null;
            }
            Object group = gate.groupOf(cast(next));
            if (group != null && gate.tryPass(cast(next), group, now) > 0) {
                return null;
            }
            start(next, lane);
            return cast(next);
        } finally {
            lock.unlock();
        }
    }

    /** Ends the turn of a started record: its lane may go on. */
    public void leave(E started, long now) {
        lock.lock();
        try {
            if (started.stage != Waiting.Stage.STARTED) {
                return;
            }
            started.stage = Waiting.Stage.OUTSIDE;
            WaitingLane lane = laneOf(started);
            lane.started--;
            if (lane.started == 0) {
                if (lane.first == null) {
                    forget(lane);
                } else {
                    becameReady(lane, now);
                }
            }
            updateTickets();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes all records out that wait and for which something holds: their partition goes away.
     */
    public List<E> removeIf(Predicate<? super E> leaves, long now) {
        lock.lock();
        try {
            List<E> removed = new ArrayList<>();
            for (Buffered at = oldest; at != null; ) {
                Buffered after = at.newer;
                if (leaves.test(cast((Waiting) at))) {
                    removeWaiting((Waiting) at, now);
                    removed.add(cast((Waiting) at));
                }
                at = after;
            }
            updateTickets();
            return removed;
        } finally {
            lock.unlock();
        }
    }

    /** Lets those be ready whose time has come. To be called at {@link #dueAt}. */
    public void releaseDue(long now) {
        lock.lock();
        try {
            held.releaseDue(now, ready);
            updateTickets();
        } finally {
            lock.unlock();
        }
    }

    /** Lets the next one of a group be ready, as the gate may let it pass sooner than it said. */
    public void release(Object group, long now) {
        lock.lock();
        try {
            held.releaseNext(group, now, ready);
            updateTickets();
        } finally {
            lock.unlock();
        }
    }

    /** Whether the gate holds records back until {@link #dueAt}. */
    public boolean isHeldBack() {
        return heldBack;
    }

    /** When {@link #releaseDue} is to be called, in nanoseconds of the clock that the room was told. */
    public long dueAt() {
        return dueAt;
    }

    /** Whether {@link #issueTickets} has some to hand out. */
    public boolean needsTickets() {
        return needsTickets;
    }

    /** How many tickets are to be handed out, each of which ends with {@link #take}. */
    public int issueTickets() {
        lock.lock();
        try {
            int missing = Math.max(0, Math.min(ready.size(), mostTickets) - ticketsOut);
            ticketsOut += missing;
            updateTickets();
            return missing;
        } finally {
            lock.unlock();
        }
    }

    /** Records that wait. */
    public int size() {
        lock.lock();
        try {
            return waiting;
        } finally {
            lock.unlock();
        }
    }

    /** Records that wait, oldest first. */
    public List<E> waiting() {
        lock.lock();
        try {
            List<E> all = new ArrayList<>(waiting);
            for (Buffered at = oldest; at != null; at = at.newer) {
                all.add(cast((Waiting) at));
            }
            return Collections.unmodifiableList(all);
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock") private boolean passes(Waiting first, WaitingLane lane, long now) {
        Object group = gate.groupOf(cast(first));
        if (group != null) {
            long wait = gate.tryPass(cast(first), group, now);
            if (wait > 0) {
                held.park(group, lane, first.priority, now + wait);
                return false;
            }
        }
        held.releaseNext(lane.gateGroup, now, ready);
        return true;
    }

    @GuardedBy("lock") private void start(Waiting record, WaitingLane lane) {
        unlinkWaiting(record, lane);
        record.stage = Waiting.Stage.STARTED;
        lane.started++;
    }

    @GuardedBy("lock") private void removeWaiting(Waiting record, long now) {
        WaitingLane lane = laneOf(record);
        boolean first = lane.first == record;
        if (first && lane.readyIn != null) {
            if (lane.readyIn == ready) {
                ready.remove(lane);
                held.releaseNext(lane.gateGroup, now, ready);
            } else {
                held.remove(lane);
            }
        }
        unlinkWaiting(record, lane);
        record.stage = Waiting.Stage.OUTSIDE;
        if (!record.admitted) {
            unadmitted--;
        }
        if (lane.isEmpty()) {
            forget(lane);
        } else if (first && lane.started == 0) {
            becameReady(lane, now);
        }
    }

    @GuardedBy("lock") private void unlinkWaiting(Waiting record, WaitingLane lane) {
        lane.remove(record);
        unlink(record);
        victims.removed(record);
        waiting--;
        if (record.lanes != null) {
            record.lanes.notNewest(record.key, record);
        }
    }

    @GuardedBy("lock") private void becameReady(WaitingLane lane, long now) {
        Waiting first = Objects.requireNonNull(lane.first);
        if (!first.admitted) {
            return;
        }
        lane.readySince = now;
        lane.readyNumber = ++timesReady;
        lane.gateGroup = gate.groupOf(cast(first));
        if (!held.join(lane, first.priority)) {
            ready.add(lane, first.priority);
        }
    }

    @GuardedBy("lock") private void updateTickets() {
        hasUnadmitted = unadmitted > 0;
        needsTickets = ticketsOut < Math.min(ready.size(), mostTickets);
        Long due = held.dueAt();
        if (due != null) {
            dueAt = due;
        }
        heldBack = due != null;
    }

    private static void forget(WaitingLane lane) {
        if (lane.owner != null) {
            lane.owner.forget(lane);
        }
    }

    private static WaitingLane laneOf(Waiting record) {
        return Objects.requireNonNull(record.lane, "the record has not been put here");
    }

    @GuardedBy("lock") private void link(Waiting record) {
        Buffered before = newest;
        record.older = before;
        if (before == null) {
            oldest = record;
        } else {
            before.newer = record;
        }
        newest = record;
    }

    @GuardedBy("lock") private void unlink(Waiting record) {
        Buffered before = record.older;
        Buffered after = record.newer;
        if (before == null) {
            oldest = after;
        } else {
            before.newer = after;
        }
        if (after == null) {
            newest = before;
        } else {
            after.older = before;
        }
        record.older = null;
        record.newer = null;
    }

    private @Nullable Buffered oldest() {
        lock.lock();
        try {
            return oldest;
        } finally {
            lock.unlock();
        }
    }

    @SuppressWarnings("unchecked") // Everything that waits was put as an E.
    private E cast(Waiting record) {
        return (E) record;
    }
}
