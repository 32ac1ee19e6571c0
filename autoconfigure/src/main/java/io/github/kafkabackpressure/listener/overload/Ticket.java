package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import org.jspecify.annotations.Nullable;

/**
 * The right of a worker to start one record: which one is decided when the worker has come to it, as until then records
 * may come that go first, and others may be dropped.
 *
 * <p>Threading: handed from who issued it to a worker.
 */
public final class Ticket extends LaneTask {

    private final QueuedRecord.Starter starter;

    /** What was taken for it; the worker's. */
    private @Nullable RecordTask taken;

    public Ticket(QueuedRecord.Starter starter) {
        this.starter = starter;
    }

    /** Takes the record whose turn it is; null if there is none any more. */
    public @Nullable RecordTask take(long now) {
        taken = starter.take(now);
        return taken;
    }

    @Override
    public LaneTask inLane() {
        return taken == null ? this : taken;
    }
}
