package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.Flight;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordSlice;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.RunCounts;
import io.github.kafkabackpressure.progress.Slice;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a slice: its records one after the other, some of them in one turn, until it is over or one of
 * them fails.
 *
 * <p>Threading: the workers.
 */
final class SliceHandler {

    /** Records of a slice that a worker handles before it looks at the clock, which costs as much as a quick record. */
    private static final int RECORDS_IN_TURN = 8;

    private final ListenerRun run;

    private final RunCounts metrics;

    private final Flight flight;

    private final Invoker.OfSlices invoker;

    private final Invoker.@Nullable TurnTimer timer;

    SliceHandler(ListenerRun run, Invoker.OfSlices invoker) {
        this.run = run;
        this.metrics = run.metrics;
        this.flight = run.flight;
        this.invoker = invoker;
        this.timer = invoker.turnTimer();
    }

    /** Handles the next records of a slice. */
    WorkerPool.Result handle(RecordSlice slice, long begun) {
        slice.inTurn = 0;
        slice.telling = 0;
        if (slice.running < 0) {
            if (!slice.mayBegin(begun)) {
                return WorkerPool.Result.HOLDS_LANE;
            }
            if (!begin(slice, begun)) {
                return WorkerPool.Result.OVER;
            }
        }
        while (true) {
            slice.inTurn++;
            Signal.Failed failure;
            try {
                failure = invoker.attempt(slice.partition, slice.record(slice.running));
            } catch (Throwable e) {
                slice.partition.owner.fail(e); // first: what follows needs memory, which may be what has run out
                tellTimer(slice, slice.inTurn - 1, begun, null);
                return flight.failed(leaveSlice(slice), begun, e);
            }
            if (failure != null) {
                return conclude(slice, begun, failure);
            }
            WorkerPool.Result result = goOn(slice, begun);
            if (result != WorkerPool.Result.AGAIN || slice.inTurn >= RECORDS_IN_TURN) {
                tellTimer(slice, slice.inTurn, begun, null);
                return result;
            }
        }
    }

    private WorkerPool.Result conclude(RecordSlice slice, long begun, Signal.Failed failure) {
        tellTimer(slice, slice.inTurn, begun, failure);
        RecordTask task = leaveSlice(slice);
        try {
            return invoker.conclude(task, begun, failure);
        } catch (Throwable e) {
            return flight.failed(task, begun, e);
        }
    }

    /** Tells how long the records of a turn took, the last of which may have failed. */
    private void tellTimer(RecordSlice slice, int records, long begun, Signal.@Nullable Failed failure) {
        if (timer == null || records == 0) {
            return;
        }
        long nanos = Math.max(0, run.nanoTime.getAsLong() - begun - slice.telling);
        if (slice.isBrokenUp() && records > 1) { // most likely because the last one took so long
            timer.took(slice.partition, records - 1, 0, null);
            timer.took(slice.partition, 1, nanos, failure);
        } else {
            timer.took(slice.partition, records, nanos / records, failure);
        }
    }

    /** Claims the next record once one has been handled. */
    private WorkerPool.Result goOn(RecordSlice slice, long begun) {
        slice.countFinished();
        int next = slice.claim(slice.isAccountingDue(begun));
        if (next == Slice.BROKEN_UP) {
            countStart(slice, begun);
            flight.finished(current(slice), RecordOutcome.HANDLED, begun);
            return WorkerPool.Result.OVER;
        }
        int finished = slice.toAccount();
        if (finished > 0) {
            account(slice, finished, next == Slice.OVER, begun);
        }
        if (next == Slice.OVER) {
            slice.running = next;
            return WorkerPool.Result.OVER;
        }
        PartitionInFlight inFlight = slice.partition.inFlight;
        if (inFlight.isClosed()) { // and the slice could not be broken up: something threw
            flight.left(slice, next, 1, inFlight.finish(1));
            return WorkerPool.Result.OVER;
        }
        slice.running = next;
        return WorkerPool.Result.AGAIN;
    }

    /** Takes finished records out of flight. */
    private void account(RecordSlice slice, int finished, boolean over, long begun) {
        slice.countAnew(begun);
        long now = run.nanoTime.getAsLong();
        flight.count(slice, finished, slice.measuredAt, now);
        // What it took to tell others is no part of the records' time.
        slice.measuredAt = metrics.wantsRecords() ? run.nanoTime.getAsLong() : now;
        slice.telling += slice.measuredAt - now;
        int from = slice.running + 1 - finished;
        PartitionInFlight inFlight = slice.partition.inFlight;
        flight.left(slice, from, finished, over ? inFlight.finish(finished) : inFlight.leave(finished));
    }

    /** Claims the first record of a slice; false if there is nothing to run. */
    private boolean begin(RecordSlice slice, long begun) {
        int first = slice.claim(false);
        if (first == Slice.BROKEN_UP) {
            return false; // it only holds its place in the lane
        }
        if (!slice.partition.inFlight.start()) {
            // Who ends an assignment breaks up its slices first, so it is broken up.
            slice.partition.owner.takeBack(current(slice));
            return false;
        }
        slice.running = first;
        slice.measuredAt = begun;
        slice.countAnew(begun);
        return true;
    }

    /** Makes the record that runs a task of its own, and the rest of its slice the consumer's. */
    private RecordTask leaveSlice(RecordSlice slice) {
        countStart(slice, slice.measuredAt);
        int finished = slice.breakUp(Slice.Side.WORKER);
        if (finished >= 0) {
            flight.leave(slice, finished);
            slice.partition.owner.wakeToHandOut();
        }
        return current(slice);
    }

    private static RecordTask current(RecordSlice slice) {
        return (RecordTask) Objects.requireNonNull(slice.current(), "a record has been claimed");
    }

    /** Counts the start of a record that leaves its slice. */
    private void countStart(RecordSlice slice, long begun) {
        metrics.started(slice.waited(begun));
    }
}
