package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;

/**
 * What the workers of a run do with a task; the consumers' side knows no more of it than this.
 *
 * <p>Threading: the workers.
 */
public interface TaskHandler extends WorkerPool.Handler<LaneTask> {

    /** Whether records may come in slices. */
    boolean takesSlices();
}
