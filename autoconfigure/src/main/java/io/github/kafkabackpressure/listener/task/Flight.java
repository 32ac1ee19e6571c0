package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.function.LongSupplier;

/**
 * The one way out of flight, whatever became of a record: its place, its bytes and its partition's count are given back,
 * its consumer gets it back if it has to, and whoever waits for that is woken.
 *
 * <p>Threading: any thread.
 */
public final class Flight {

    private final Room room;

    private final RunCounts metrics;

    private final RunningRecords running;

    private final LongSupplier nanoTime;

    public Flight(Room room, RunCounts metrics, RunningRecords running, LongSupplier nanoTime) {
        this.room = room;
        this.metrics = metrics;
        this.running = running;
        this.nanoTime = nanoTime;
    }

    /** Takes a record out that needs no further handling. Its lane goes on by the worker or by the pool. */
    public void finished(RecordTask task, RecordOutcome outcome, long begun) {
        task.handled = true;
        RecordOrigin partition = task.partition;
        // In this order: a drain that finds nothing running any more must find all that ran in the mailbox.
        partition.owner.mailbox.put(task);
        left(task, outcome, begun, partition.inFlight.finish());
    }

    /** Takes a started record out that will not be handled, and need not be. */
    public void dropped(RecordTask task) {
        task.handled = true;
        RecordOrigin partition = task.partition;
        partition.owner.mailbox.put(task);
        left(task, partition.inFlight.finish());
    }

    /** Takes a record out that was not finished: nothing past it in its partition is committed. */
    public void unfinished(RecordTask task, long begun) {
        left(task, RecordOutcome.UNFINISHED, begun, task.partition.inFlight.finish());
    }

    /** Gives up on a record that will not be handled here any more. Its lane goes on, as new records may be on it. */
    public WorkerPool.Result abandoned(RecordTask task, long begun) {
        running.goesOn(task);
        unfinished(task, begun);
        if (!task.isOver()) {
            return WorkerPool.Result.BLOCKS_LANE;
        }
        task.partition.owner.mailbox.put(task);
        return WorkerPool.Result.OVER;
    }

    /** Ends the handling of a record by what no handler may see; even an Error stops the container by its consumer. */
    public WorkerPool.Result failed(RecordTask task, long begun, Throwable cause) {
        task.partition.owner.fail(cause);
        unfinished(task, begun);
        return WorkerPool.Result.BLOCKS_LANE;
    }

    /** Takes back a queued record that will not be handled: its partition is gone, or a seek has dropped it. */
    public void takeBack(RecordTask task) {
        task.partition.owner.takeBack(task);
        leave(task);
    }

    /** Takes a record out that was never started, unless its partition's end has done so. */
    public void leave(RecordTask task) {
        RecordOrigin partition = task.partition;
        if (partition.inFlight.leave(1) > 0) {
            left(task, partition.inFlight.inFlight());
        }
    }

    /** Takes finished records out that the one that broke up their slice has to account for. */
    public void leave(RecordSlice slice, int finished) {
        if (finished > 0) {
            count(slice, finished, slice.movedAt, slice.movedAt); // too quick to be worth telling
            left(slice, slice.finished() - finished, finished, slice.partition.inFlight.leave(finished));
        }
    }

    /** Counts finished records of a slice, which began and ended at given times. */
    public void count(RecordSlice slice, int finished, long from, long to) {
        metrics.started(slice.waited(from), finished);
        metrics.finished(RecordOutcome.HANDLED, (to - from) / finished, finished);
    }

    /**
     * Takes in that finished records of a slice have left their partition's count.
     *
     * @param from the index of the first of them
     * @param finished how many they are
     * @param left how many of them the count has let go
     */
    public void left(RecordSlice slice, int from, int finished, int left) {
        room.limit.release(left);
        if (room.bytes.isCounted()) {
            room.bytes.remove(slice.partition, slice.bytes(from, from + finished));
        }
        wake(slice.partition, slice.partition.inFlight.inFlight());
    }

    private void left(RecordTask task, RecordOutcome outcome, long begun, int left) {
        metrics.finished(outcome, nanoTime.getAsLong() - begun);
        left(task, left);
    }

    private void left(RecordTask task, int left) {
        RecordOrigin partition = task.partition;
        room.limit.release(1);
        room.bytes.remove(partition, task.record);
        wake(partition, left);
    }

    private void wake(RecordOrigin partition, int left) {
        partition.owner.wakeIfWanted(left, partition.wakeAt);
        room.wakeIfRoom();
    }
}
