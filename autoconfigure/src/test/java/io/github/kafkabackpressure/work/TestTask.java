package io.github.kafkabackpressure.work;

import io.github.kafkabackpressure.progress.LaneTask;
import org.jspecify.annotations.Nullable;

/** A task with a number, on a lane. */
final class TestTask extends LaneTask {

    final long number;

    TestTask(long number) {
        this.number = number;
    }

    /** Handles tasks that are on lanes. */
    interface Handler extends WorkerPool.Handler<TestTask> {

        @Override
        default @Nullable TestTask endTurn(TestTask task) {
            return (TestTask) task.finish();
        }
    }
}
