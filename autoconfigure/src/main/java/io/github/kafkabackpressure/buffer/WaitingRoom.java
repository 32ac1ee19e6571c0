package io.github.kafkabackpressure.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.buffer.Waiting.Lane;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
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
 * under it and read without. No foreign code is called under the lock but the gate, and who counts who gets a place.
 *
 * @param <E> what waits
 */
public final class WaitingRoom<E extends Waiting> {

    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock") private final WaitingRecords records;

    private final StartOrder<E> order;

    @GuardedBy("lock") private final LaneTurns turns;

    private final Tickets tickets;

    private volatile boolean hasUnadmitted;

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
        this.records = new WaitingRecords(overflow, random);
        this.order = new StartOrder<>(gate, agingNanos);
        this.turns = new LaneTurns(records, order);
        this.tickets = new Tickets(mostTickets);
    }

    /** As {@link #putAll}, of one record. */
    public void put(E record, WaitingLanes lanes, Object laneKey, boolean admitted, long now) {
        putAll(List.of(record), lanes, any -> laneKey, admitted, now);
    }

    /**
     * Lets records of a partition in, each at the end of its lane, in one hold of the lock.
     *
     * @param laneKey tells a record's lane; nobody may change it
     * @param admitted whether they have places within the limit; else they get some by {@link #admitNext}
     * @param now the present time in nanoseconds
     */
    public void putAll(
            List<? extends E> all,
            WaitingLanes lanes,
            Function<? super E, Object> laneKey,
            boolean admitted,
            long now) {
        lock.lock();
        try {
            for (E record : all) {
                records.add(record, admitted, now);
                turns.join(record, lanes, laneKey.apply(record), now);
            }
            update();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Lets a record hold its lane that was started elsewhere, unless it has {@linkplain #leave left} meanwhile. Nothing else
     * of the lane may be in the room.
     */
    public void putStarted(E record, WaitingLanes lanes, Object laneKey) {
        lock.lock();
        try {
            turns.beginOutside(record, lanes, laneKey);
        } finally {
            lock.unlock();
        }
    }

    /** Whether nothing waits here, and nothing of a partition's lanes is started. */
    public boolean isFree(WaitingLanes lanes) {
        lock.lock();
        try {
            return records.size() == 0 && lanes.size() == 0;
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
                turns.remove(before, now);
            }
            record.key = key;
            put(record, lanes, laneKey, admitted, now);
            return before == null ? null : cast(before);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes records out that are to be dropped, one for each that comes.
     *
     * @param incoming the first that comes
     * @param most how many come; more than one only if it does not matter which, and none of them may be dropped for another
     * @param into where those to be dropped are added; none if it is those that come
     */
    public void takeVictims(E incoming, int most, Collection<? super E> into, long now) {
        lock.lock();
        try {
            for (int taken = 0; taken < most; taken++) {
                Waiting victim = records.victimFor(incoming);
                if (victim == null) {
                    break;
                }
                turns.remove(victim, now);
                into.add(cast(victim));
            }
            update();
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
            Waiting first = records.firstUnadmitted();
            if (first == null) {
                return null;
            }
            counted.accept(cast(first));
            records.admit(first);
            turns.readyIfFirst(first, now);
            update();
            return cast(first);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Starts the record whose turn it is, which uses a ticket up, unless more are ready: then who calls is to hand the
     * ticket on ({@link Waiting#leavesTicket}). {@link #leave} must follow when the record's lane may go on.
     *
     * @return null if none may start now
     */
    public @Nullable E take(long now) {
        return start(now, true);
    }

    /** As {@link #take}, for who has not started what it took, and has no other ticket. */
    public @Nullable E takeInstead(long now) {
        return start(now, false);
    }

    private @Nullable E start(long now, boolean byTicket) {
        lock.lock();
        try {
            if (byTicket) {
                tickets.used(); // first: the gate may throw
            }
            Waiting next = order.takeNext(now);
            if (next != null) {
                turns.begin(next);
                next.leavesTicket = byTicket && tickets.handOn(order.readyLanes());
            }
            update();
            return next == null ? null : cast(next);
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
            Lane lane = started.lane();
            Waiting next = lane.first;
            if (next == null || !next.admitted || !order.passesBehind(next, now)) {
                return null;
            }
            turns.begin(next);
            return cast(next);
        } finally {
            lock.unlock();
        }
    }

    /** Ends the turn of a started record: its lane may go on. One that has a lane to itself holds up nobody. */
    public void leave(E started, long now) {
        Lane own = started.lane; // written under the lock, before it could be started
        if (own != null && own.laneKey == null) {
            return;
        }
        lock.lock();
        try {
            if (turns.end(started, now)) {
                update();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Takes all records out that wait and for which something holds: their partition goes away. */
    public List<E> removeIf(Predicate<? super E> leaves, long now) {
        lock.lock();
        try {
            List<E> removed = cast(records.matching(record -> leaves.test(cast(record))));
            removed.forEach(record -> turns.remove(record, now));
            update();
            return removed;
        } finally {
            lock.unlock();
        }
    }

    /** Lets those be ready whose time has come. To be called at {@link #dueAt}. */
    public void releaseDue(long now) {
        change(() -> order.releaseDue(now));
    }

    /** Lets the next one of a group be ready, as the gate may let it pass sooner than it said. */
    public void release(Object group, long now) {
        change(() -> order.releaseNext(group, now));
    }

    /** Lets the next one of each group be ready: the gate goes by other times than it said. */
    public void releaseOneOfEach(long now) {
        change(() -> order.releaseOneOfEach(now));
    }

    private void change(Runnable ofOrder) {
        lock.lock();
        try {
            ofOrder.run();
            update();
        } finally {
            lock.unlock();
        }
    }

    /** Whether the gate holds records back until {@link #dueAt}. */
    public boolean isHeldBack() {
        return order.isHeldBack();
    }

    /** When {@link #releaseDue} is to be called, in nanoseconds of the clock that the room was told. */
    public long dueAt() {
        return order.dueAt();
    }

    /** Whether {@link #issueTickets} has some to hand out. */
    public boolean needsTickets() {
        return tickets.areNeeded();
    }

    /** How many tickets are to be handed out, each of which ends with {@link #take}. */
    public int issueTickets() {
        lock.lock();
        try {
            int missing = tickets.issue(order.readyLanes());
            update();
            return missing;
        } finally {
            lock.unlock();
        }
    }

    /** Records that wait. */
    public int size() {
        lock.lock();
        try {
            return records.size();
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock") private void update() {
        hasUnadmitted = records.hasUnadmitted();
        tickets.update(order.readyLanes());
        order.update();
    }

    @SuppressWarnings("unchecked") // Everything that waits was put as an E.
    private E cast(Waiting record) {
        return (E) record;
    }

    @SuppressWarnings("unchecked")
    private List<E> cast(List<Waiting> found) {
        return (List<E>) found;
    }
}
