package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.RunningRecords;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How the handling of a record goes on, on a worker, after some other thread has had it.
 *
 * <p>Threading: any thread.
 */
final class HandOver {

    private final ListenerRun run;

    HandOver(ListenerRun run) {
        this.run = run;
    }

    /**
     * Goes on with a record, whose handling held its lane, on a thread of the pool; what is called by no consumer and no
     * worker has nobody else who would see an Error.
     *
     * @param begun when the handling began, in nanoseconds
     * @param slot the slot that the record held, which goes over to the thread; null if it gets one first
     * @param continuation says how the handling left it
     * @return false if there are no threads any more; then the continuation is not called
     */
    boolean toWorker(RecordTask task, long begun, @Nullable Slot slot, Supplier<WorkerPool.Result> continuation) {
        try {
            return run.workers.continueOnWorker(task, slot, () -> {
                RunningRecords.Place place = run.running.place();
                place.begin(task, begun);
                try {
                    return continuation.get();
                } finally {
                    place.end();
                }
            });
        } catch (OutOfMemoryError e) {
            task.partition.owner.fail(e);
            return false;
        }
    }
}
