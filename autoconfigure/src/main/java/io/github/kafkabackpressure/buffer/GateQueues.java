package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Ready lanes whose first record a {@link StartGate} holds back, in a queue for each of its groups, and when the gate is
 * to be asked again for which group. Then one lane of the group is let out; if it passes, so may the next one.
 *
 * <p>There is a group only while something of it waits, so there are never more than records.
 *
 * <p>Threading: under the lock of its {@link WaitingRoom}.
 */
final class GateQueues {

    private static final Comparator<Group> BY_TIME = (one, other) -> {
        long apart = one.dueAt - other.dueAt;
        return apart != 0 ? Long.signum(apart) : Long.compare(one.number, other.number);
    };

    private static final class Group {

        private final Object key;

        private final long number;

        private final ReadyLanes lanes;

        private long dueAt;

        private Group(Object key, long number, long agingNanos) {
            this.key = key;
            this.number = number;
            this.lanes = new ReadyLanes(agingNanos);
        }
    }

    private final Map<Object, Group> groups = new HashMap<>();

    private final TreeSet<Group> waiting = new TreeSet<>(BY_TIME);

    private final long agingNanos;

    private long numbers;

    GateQueues(long agingNanos) {
        this.agingNanos = agingNanos;
    }

    /** Puts a lane behind those of its group that wait already; false if none does. */
    boolean join(Lane lane, int priority) {
        Group group = lane.gateGroup == null ? null : groups.get(lane.gateGroup);
        if (group == null) {
            return false;
        }
        group.lanes.add(lane, priority);
        return true;
    }

    /** Takes a lane back that the gate holds back. */
    void park(Object key, Lane lane, int priority, long dueAt) {
        Group group = groups.computeIfAbsent(key, made -> new Group(made, numbers++, agingNanos));
        waiting.remove(group);
        lane.gateGroup = key;
        group.lanes.addAgain(lane, priority);
        group.dueAt = dueAt;
        waiting.add(group);
    }

    /** Lets one lane of each group out whose time has come. */
    void releaseDue(long now, ReadyLanes into) {
        while (!waiting.isEmpty() && waiting.first().dueAt - now <= 0) {
            release(waiting.first(), now, into);
        }
    }

    /** Lets one lane of each group out, whatever its time. */
    void releaseOneOfEach(long now, ReadyLanes into) {
        for (Group group : List.copyOf(waiting)) {
            release(group, now, into);
        }
    }

    /** Lets the next lane of a group out, as the one before has passed, or does not ask any more. */
    void releaseNext(@Nullable Object key, long now, ReadyLanes into) {
        Group group = key == null ? null : groups.get(key);
        if (group != null) {
            release(group, now, into);
        }
    }

    private void release(Group group, long now, ReadyLanes into) {
        waiting.remove(group);
        Lane lane = group.lanes.takeBest(now);
        if (lane != null) {
            into.add(lane, lane.readyPriority);
        }
        if (group.lanes.isEmpty()) {
            groups.remove(group.key);
        }
    }

    /** Takes a lane out that waits here. */
    void remove(Lane lane) {
        Group group = lane.gateGroup == null ? null : groups.get(lane.gateGroup);
        if (group == null || lane.readyIn != group.lanes) {
            throw new IllegalStateException("the lane does not wait at the gate");
        }
        group.lanes.remove(lane);
        if (group.lanes.isEmpty()) {
            groups.remove(group.key);
            waiting.remove(group);
        }
    }

    /** When to call {@link #releaseDue} next; null if nothing waits for a time. */
    @Nullable Long dueAt() {
        return waiting.isEmpty() ? null : Long.valueOf(waiting.first().dueAt);
    }

    /** Groups of which something waits. */
    int size() {
        return groups.size();
    }
}
