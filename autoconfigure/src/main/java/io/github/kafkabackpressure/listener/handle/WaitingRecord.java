package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.Nanos;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A record that waits for its next attempt, or, after one that failed late, for a worker that asks the error handler. It
 * keeps its lane and its place in flight, but holds neither a slot nor a thread. When the time has come it is a task for any
 * worker; when there is nothing to go on with before that, because its partition is leaving or has been sought, it is given
 * up at once, whether or not a worker has a slot.
 *
 * <p>Threading: made and started by a worker. Then the timer, workers and the consumer's thread: whoever takes it first
 * ends the wait.
 */
final class WaitingRecord extends LaneTask implements RecordOrigin.Wait {

    private final ListenerRun run;

    private final RecordTask task;

    private final long begun;

    private final BooleanSupplier isGivenUp;

    private final Supplier<WorkerPool.Result> next;

    private final CompletableFuture<@Nullable Void> timer = new CompletableFuture<>();

    private final AtomicBoolean over = new AtomicBoolean();

    /**
     * Makes a wait.
     *
     * @param begun when the handling of the record began, in nanoseconds
     * @param isGivenUp whether there is nothing to go on with
     * @param next goes on with the record, on a worker, and says how that left it
     */
    WaitingRecord(
            ListenerRun run, RecordTask task, long begun, BooleanSupplier isGivenUp, Supplier<WorkerPool.Result> next) {
        this.run = run;
        this.task = task;
        this.begun = begun;
        this.isGivenUp = isGivenUp;
        this.next = next;
    }

    /** When the handling of the record began. */
    long begun() {
        return begun;
    }

    /** Begins the wait. The caller must not touch the record any more. */
    void start(Duration time) {
        run.running.waits(task, WaitsFor.BACK_OFF, begun);
        run.limit.startStanding();
        task.partition.addWaiting(this);
        run.room.wakeIfRoom();
        if (time.isZero()) {
            run.workers.submitAgain(this);
        } else {
            var unused = timer.completeOnTimeout(null, Math.max(0, Nanos.of(time)), TimeUnit.NANOSECONDS)
                    .thenRun(() -> run.workers.submitAgain(this));
        }
        endIfOver(); // who ended the assignment may not have seen it
    }

    /** Goes on with the record. Called by a worker. */
    WorkerPool.Result goOn() {
        if (!end()) {
            return WorkerPool.Result.BLOCKS_LANE; // it has been given up, and its lane has gone on
        }
        try {
            return next.get();
        } catch (Throwable e) {
            return run.flight.failed(task, begun, e);
        }
    }

    /** Gives the record up if there is nothing to go on with. Called by any thread. */
    @Override
    public void endIfOver() {
        if (isGivenUp.getAsBoolean() && end() && run.flight.abandoned(task, begun) == WorkerPool.Result.OVER) {
            run.workers.resumeLane(task, null);
        }
    }

    private boolean end() {
        if (!over.compareAndSet(false, true)) {
            return false;
        }
        timer.cancel(false);
        run.running.goesOn(task);
        task.partition.removeWaiting(this);
        run.limit.stopStanding();
        if (!task.partition.hasWaiting()) {
            task.partition.owner.gate.signal(); // it may have been paused for these
        }
        return true;
    }

    /** The lane is the record's. */
    @Override
    public LaneTask inLane() {
        return task;
    }
}
