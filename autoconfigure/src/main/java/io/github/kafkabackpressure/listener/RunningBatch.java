package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;

/**
 * Records that are handled together: pieces of lanes, each from the lane's running record on. A record leaves the batch
 * once, whoever says first that it is done; its lane goes on with it where the batch's piece of the lane ends.
 *
 * <p>Threading: collected by one worker, then safe for the workers and for the threads that acknowledge.
 */
final class RunningBatch {

    private final ListenerRun run;

    private final List<RecordTask> tasks;

    private final Set<RecordTask> members;

    /** By the index of a task: whether it is still in the batch. */
    private final AtomicIntegerArray left;

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
        this.members = Set.copyOf(tasks);
        this.left = new AtomicIntegerArray(tasks.size());
        this.begun = begun;
    }

    /**
     * In the order in which a poll gives them, by partition and offset: error handlers name by one offset what is done
     * and what is to come again.
     */
    private static List<RecordTask> byPartition(List<RecordTask> collected) {
        Map<PartitionWork, List<RecordTask>> partitions = new LinkedHashMap<>();
        for (RecordTask task : collected) {
            partitions.computeIfAbsent(task.partition, key -> new ArrayList<>()).add(task);
        }
        return partitions.values().stream()
                .flatMap(ofOne -> ofOne.stream().sorted(Comparator.comparingLong(task -> task.number)))
                .toList();
    }

    /** The records that are not done. */
    List<RecordTask> remaining() {
        List<RecordTask> remaining = new ArrayList<>();
        for (int i = 0; i < tasks.size(); i++) {
            if (left.get(i) == 0) {
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

    /** Takes all records out that are left, as they need no further handling. */
    void finished(RecordOutcome outcome) {
        finished(members, outcome);
    }

    /** Takes records out that need no further handling; their lanes go on. */
    void finished(Set<RecordTask> done, RecordOutcome outcome) {
        for (int i = 0; i < tasks.size(); i++) {
            RecordTask task = tasks.get(i);
            if (done.contains(task) && left.compareAndSet(i, 0, 1)) {
                run.finished(task, outcome, begun);
                endTurn(task);
            }
        }
    }

    /** Takes records out that were not finished; the lanes of those whose partition is gone go on. */
    void abandoned(Set<RecordTask> given) {
        for (int i = 0; i < tasks.size(); i++) {
            RecordTask task = tasks.get(i);
            if (given.contains(task)
                    && left.compareAndSet(i, 0, 1)
                    && run.abandoned(task, begun) == WorkerPool.Result.OVER) {
                endTurn(task);
            }
        }
    }

    private void endTurn(RecordTask task) {
        LaneTask waiting = task.successor();
        if (waiting != null && members.contains(waiting)) {
            task.finish(); // what waits for it is in this batch and needs no other worker
        } else {
            run.workers.resumeLane(task, null);
        }
    }

    /** Takes the rest out, unfinished; their lanes do not go on. */
    void stopped() {
        for (int i = 0; i < tasks.size(); i++) {
            if (left.compareAndSet(i, 0, 1)) {
                run.unfinished(tasks.get(i), begun);
            }
        }
    }
}
