package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.progress.LaneTask;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * A record that waits for its start in the room of an {@link Overload}, in place of a lane: it can still be dropped.
 *
 * <p>Threading: as {@link RecordTask}.
 */
final class WaitingTask extends RecordTask {

    private final Overload overload;

    final QueuedRecord waiting;

    /** The record that was started together with this one, as the next of its lane; the worker's. */
    private @Nullable WaitingTask behind;

    WaitingTask(
            ConsumerRecord<?, ?> record,
            PartitionWork partition,
            long number,
            long queuedAt,
            Overload overload,
            int priority,
            int bytes) {
        super(record, partition, number, queuedAt);
        this.overload = overload;
        this.waiting = new QueuedRecord(this, priority, bytes);
    }

    @Override
    public @Nullable LaneTask finish() {
        return overload.endTurn(this);
    }

    @Override
    public @Nullable LaneTask successor() {
        return behind;
    }

    @Override
    public @Nullable LaneTask takeSuccessor() {
        behind = overload.takeBehind(this);
        return behind;
    }

    @Override
    void notStarted() {
        super.notStarted();
        overload.endTurn(this);
    }
}
