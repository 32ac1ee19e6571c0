package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.buffer.Waiting;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What the room knows of a {@link WaitingTask}.
 *
 * <p>Threading: written by the consumer's thread before the record is put into the room.
 */
final class QueuedRecord extends Waiting {

    final WaitingTask task;

    /** Whose tokens it takes; null if it needs none. */
    @Nullable Object rateGroup;

    /** How many tokens. */
    long cost = 1;

    /** Its bytes, where they may be needed. */
    @Nullable WireHeader wire;

    QueuedRecord(WaitingTask task, int priority, int bytes) {
        super(priority, bytes);
        this.task = task;
    }

    ConsumerRecord<?, ?> record() {
        return task.record;
    }
}
