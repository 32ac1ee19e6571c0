package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is: the lanes whose first record may start, in the order in which they are to, and those of them that a
 * {@link StartGate} holds back.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}, but for {@link #isHeldBack} and {@link #dueAt}. The gate is
 * foreign code, and is called under it too.
 *
 * @param <E> what waits
 */
final class StartOrder<E extends Waiting> {

    private final StartGate<? super E> gate;

    private final ReadyLanes ready;

    private final GateQueues held;

    private long timesReady;

    /** When a lane that is held back is due; meaningful while {@link #heldBack}. */
    private volatile long dueAt;

    private volatile boolean heldBack;

    /** @param agingNanos what a record must have been ready for to go before one of the next higher priority */
    StartOrder(StartGate<? super E> gate, long agingNanos) {
        this.gate = gate;
        this.ready = new ReadyLanes(agingNanos);
        this.held = new GateQueues(agingNanos);
    }

    /** Adds a lane if its first record may start: nothing else of the lane is, and it has a place within the limit. */
    void addIfReady(Lane lane, long now) {
        Waiting first = lane.first;
        if (first == null || lane.started > 0 || !first.admitted) {
            return;
        }
        lane.readySince = now;
        lane.readyNumber = ++timesReady;
        lane.gateGroup = groupOf(first);
        if (!held.join(lane, first.priority)) {
            ready.add(lane, first.priority);
        }
    }

    /** Takes a lane out if it stands here: its first record leaves. */
    void remove(Lane lane, long now) {
        if (lane.readyIn == ready) {
            ready.remove(lane);
            held.releaseNext(lane.gateGroup, now, ready);
        } else if (lane.readyIn != null) {
            held.remove(lane);
        }
    }

    /** Takes the lane out whose turn it is, which the gate has let pass, and gives its first record; null if none may. */
    @Nullable Waiting takeNext(long now) {
        held.releaseDue(now, ready);
        for (Lane lane = ready.takeBest(now); lane != null; lane = ready.takeBest(now)) {
            Waiting first = Objects.requireNonNull(lane.first);
            if (passes(first, lane, now)) {
                return first;
            }
        }
        return null;
    }

    private boolean passes(Waiting first, Lane lane, long now) {
        Object group = groupOf(first);
        if (group != null) {
            long wait = tryPass(first, group, now);
            if (wait > 0) {
                held.park(group, lane, first.priority, now + wait);
                return false;
            }
        }
        held.releaseNext(lane.gateGroup, now, ready);
        return true;
    }

    /** Whether the gate lets a record pass that is to start together with the one before it in its lane. */
    boolean passesBehind(Waiting next, long now) {
        Object group = groupOf(next);
        return group == null || tryPass(next, group, now) <= 0;
    }

    void releaseDue(long now) {
        held.releaseDue(now, ready);
    }

    void releaseNext(Object group, long now) {
        held.releaseNext(group, now, ready);
    }

    void releaseOneOfEach(long now) {
        held.releaseOneOfEach(now, ready);
    }

    /** Whether the gate holds lanes back until {@link #dueAt}. */
    boolean isHeldBack() {
        return heldBack;
    }

    /** When to call {@link #releaseDue} next. */
    long dueAt() {
        return dueAt;
    }

    /** Says to those that have no lock what is held back now. */
    void update() {
        Long due = held.dueAt();
        if (due != null) {
            dueAt = due;
        }
        heldBack = due != null;
    }

    /** How many lanes there are that nothing holds back. */
    int readyLanes() {
        return ready.size();
    }

    @SuppressWarnings("unchecked") // Everything that waits was put as an E.
    private @Nullable Object groupOf(Waiting record) {
        return gate.groupOf((E) record);
    }

    @SuppressWarnings("unchecked")
    private long tryPass(Waiting record, Object group, long now) {
        return gate.tryPass((E) record, group, now);
    }
}
