package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Records that are handled together: pieces of lanes, each from the lane's running record on. What is done with a record
 * is said once, by whoever says it first. The record then leaves the batch, and its lane goes on, as soon as all before
 * it in its lane have left: an error handler may be done with a later record and want an earlier one again.
 *
 * <p>Threading: collected by one worker, then safe for the workers and for the threads that acknowledge.
 */
final class RunningBatch {

    /** What has been said of a record. */
    private enum State {
        /** Nothing: it is still to be handled. */
        REMAINING(null),
        /** It needs no further handling, and leaves once those before it have left. */
        HANDLED(RecordOutcome.HANDLED),
        RECOVERED(RecordOutcome.RECOVERED),
        /** Its partition is gone. */
        ABANDONED(null),
        /** It has left. */
        LEFT(null);

        private final @Nullable RecordOutcome outcome;

        State(@Nullable RecordOutcome outcome) {
            this.outcome = outcome;
        }

        private static State of(RecordOutcome outcome) {
            return outcome == RecordOutcome.RECOVERED ? RECOVERED : HANDLED;
        }
    }

    private final ListenerRun run;

    private final List<RecordTask> tasks;

    /** By the index of a task. */
    private final AtomicReferenceArray<State> states;

    /** By the index of a task: the index of the one that waits for it in its lane; -1 if that is not of the batch. */
    private final int[] next;

    /** By the index of a task: the index of the one that it waits for in its lane; -1 if that is not of the batch. */
    private final int[] previous;

    private final long begun;

    /**
     * Makes a batch.
     *
     * @param collected the pieces of lanes, one after the other
     * @param begun when the handling began, in nanoseconds
     */
    RunningBatch(ListenerRun run, List<RecordTask> collected, long begun) {
        this.run = run;
        this.tasks = byPartition(collected);
        this.states = new AtomicReferenceArray<>(tasks.size());
        this.next = new int[tasks.size()];
        this.previous = new int[tasks.size()];
        this.begun = begun;
        findNeighbours();
    }

    /**
     * In the order in which a poll gives them, by partition and offset: error handlers name by one offset what is done
     * and what is to come again.
     */
    private static List<RecordTask> byPartition(List<RecordTask> collected) {
        Map<RecordOrigin, List<RecordTask>> partitions = new LinkedHashMap<>();
        for (RecordTask task : collected) {
            partitions.computeIfAbsent(task.partition, key -> new ArrayList<>()).add(task);
        }
        return partitions.values().stream()
                .flatMap(ofOne -> ofOne.stream().sorted(Comparator.comparingLong(task -> task.number)))
                .toList();
    }

    private void findNeighbours() {
        Map<LaneTask, Integer> indexes = new HashMap<>();
        for (int i = 0; i < tasks.size(); i++) {
            indexes.put(tasks.get(i), i);
            states.set(i, State.REMAINING);
        }
        Arrays.fill(previous, -1);
        for (int i = 0; i < next.length; i++) {
            LaneTask successor = tasks.get(i).successor();
            Integer following = successor == null ? null : indexes.get(successor);
            next[i] = following == null ? -1 : following;
            if (following != null) {
                previous[following] = i;
            }
        }
    }

    /** The records of which nothing has been said. */
    List<RecordTask> remaining() {
        List<RecordTask> remaining = new ArrayList<>();
        for (int i = 0; i < tasks.size(); i++) {
            if (states.get(i) == State.REMAINING) {
                remaining.add(tasks.get(i));
            }
        }
        return remaining;
    }

    /** The given records as listeners and error handlers get them. */
    static ConsumerRecords<Object, Object> records(Collection<RecordTask> tasks) {
        Map<TopicPartition, List<ConsumerRecord<Object, Object>>> records = new LinkedHashMap<>();
        for (RecordTask task : tasks) {
            @SuppressWarnings("unchecked")
            ConsumerRecord<Object, Object> record = (ConsumerRecord<Object, Object>) task.record;
            records.computeIfAbsent(task.partition.partition, key -> new ArrayList<>())
                    .add(record);
        }
        return new ConsumerRecords<>(records, Map.of());
    }

    /** Says of all remaining records that they need no further handling. */
    void finished(RecordOutcome outcome) {
        say(task -> true, State.of(outcome));
    }

    /** Says of records that they need no further handling. */
    void finished(Set<RecordTask> done, RecordOutcome outcome) {
        say(done::contains, State.of(outcome));
    }

    /** Says of records that they are not finished and that their partition is gone. */
    void abandoned(Set<RecordTask> given) {
        say(given::contains, State.ABANDONED);
    }

    private void say(Predicate<RecordTask> of, State state) {
        for (int i = 0; i < next.length; i++) {
            if (of.test(tasks.get(i))
                    && states.compareAndSet(i, State.REMAINING, state)
                    && (previous[i] < 0 || states.get(previous[i]) == State.LEFT)) {
                letLeave(i);
            }
        }
    }

    /**
     * Lets a record leave of which something has been said, and those behind it in its lane, up to the first of which
     * nothing has been. Two threads may do so at the same time: who lets a record leave looks at the next one after
     * that, and who says something of that one has looked at this one before, so one of them sees both.
     */
    private void letLeave(int from) {
        for (int i = from; i >= 0; i = next[i]) {
            State state = states.get(i);
            if (state == State.REMAINING) {
                return;
            }
            if (state != State.LEFT && states.compareAndSet(i, state, State.LEFT)) {
                leave(i, state);
            }
        }
    }

    private void leave(int index, State state) {
        RecordTask task = tasks.get(index);
        if (state.outcome != null) {
            run.flight.finished(task, state.outcome, begun);
        } else if (run.flight.abandoned(task, begun) != WorkerPool.Result.OVER) {
            return;
        }
        if (next[index] >= 0) {
            task.finish(); // what waits for it is in this batch and needs no other worker
        } else {
            run.workers.resumeLane(task, null);
        }
    }

    /**
     * Takes out unfinished all that have not left; their lanes do not go on. Those of which something has been said are
     * behind one that comes again, and so will come again themselves.
     */
    void stopped() {
        for (int i = 0; i < next.length; i++) {
            if (states.getAndSet(i, State.LEFT) != State.LEFT) {
                run.flight.unfinished(tasks.get(i), begun);
            }
        }
    }
}
