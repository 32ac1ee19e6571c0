package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.overload.Ticket;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordSlice;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.RunningRecords;
import io.github.kafkabackpressure.listener.task.TaskHandler;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a task that it has taken: it starts the record, or the slice, or goes on with a record whose
 * wait is over.
 *
 * <p>Threading: the workers.
 */
public final class LaneTaskHandler implements TaskHandler {

    private final ListenerRun run;

    private final Invoker invoker;

    /** What handles slices; null if there are none. */
    private final @Nullable SliceHandler slices;

    public LaneTaskHandler(ListenerRun run, Invoker invoker) {
        this.run = run;
        this.invoker = invoker;
        Invoker.OfSlices ofSlices = invoker.ofSlices();
        this.slices = ofSlices == null ? null : new SliceHandler(run, ofSlices);
    }

    @Override
    public boolean takesSlices() {
        return slices != null;
    }

    @Override
    public WorkerPool.Result handle(LaneTask claimed, long begun) {
        LaneTask task = claimed;
        if (claimed instanceof Ticket ticket) {
            task = ticket.take(begun);
            if (task == null) {
                return WorkerPool.Result.OVER;
            }
        }
        RunningRecords.Place place = run.running.place();
        if (task instanceof WaitingRecord waiting) {
            place.begin(waiting.inLane(), waiting.begun());
        } else {
            place.begin(task, begun);
        }
        try {
            if (task instanceof RecordTask record) {
                return handle(record, begun);
            }
            return task instanceof RecordSlice slice ? handle(slice, begun) : ((WaitingRecord) task).goOn();
        } finally {
            place.end();
        }
    }

    private WorkerPool.Result handle(RecordTask task, long begun) {
        if (task.isDropped() || !task.partition.inFlight.start()) {
            run.flight.takeBack(task);
            return WorkerPool.Result.OVER;
        }
        run.metrics.started(task.waited(begun));
        try {
            return invoker.invoke(task, begun);
        } catch (Throwable e) {
            return run.flight.failed(task, begun, e);
        }
    }

    private WorkerPool.Result handle(RecordSlice slice, long begun) {
        if (slices == null) {
            throw new IllegalStateException("no slices are made");
        }
        return slices.handle(slice, begun);
    }

    @Override
    public @Nullable LaneTask endTurn(LaneTask task) {
        return task.inLane().finish();
    }

    @Override
    public int recordsInTurn(LaneTask task) {
        return task.recordsInTurn();
    }
}
