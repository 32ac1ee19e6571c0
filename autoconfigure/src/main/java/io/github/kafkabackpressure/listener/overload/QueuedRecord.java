package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.buffer.Waiting;
import io.github.kafkabackpressure.listener.task.BytesInFlight;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * A record that waits for its start in the room of an {@link Overload}, in place of a lane: it can still be dropped.
 *
 * <p>Threading: written by the consumer's thread before the record is put into the room.
 */
public final class QueuedRecord extends Waiting {

    /** Says whose turn it is. */
    interface Starter {

        /** Takes the record that is to be started now; null if there is none. Called by workers. */
        @Nullable RecordTask take(long now);

        /** Starts the record behind a started one in its lane; null if there is none that may. Called by workers. */
        @Nullable Task takeBehind(Task task);

        /** Takes in that a record was taken and cannot be started after all. Called by workers. */
        void notStarted(Task task);

        /** Ends a record's turn in its lane. Called by workers. Returns what may run next of the lane only. */
        @Nullable LaneTask endTurn(Task task);
    }

    /**
     * The task of such a record.
     *
     * <p>Threading: as {@link RecordTask}.
     */
    public static final class Task extends RecordTask {

        private final Starter starter;

        public final QueuedRecord waiting;

        /** The record that was started together with this one, as the next of its lane; the worker's. */
        private @Nullable Task behind;

        private Task(
                ConsumerRecord<?, ?> record,
                RecordOrigin partition,
                long number,
                long queuedAt,
                Starter starter,
                QueuedRecord waiting) {
            super(record, partition, number, queuedAt);
            this.starter = starter;
            this.waiting = waiting;
        }

        @Override
        public @Nullable LaneTask finish() {
            return starter.endTurn(this);
        }

        @Override
        public @Nullable LaneTask successor() {
            return behind;
        }

        @Override
        public @Nullable LaneTask takeSuccessor() {
            behind = starter.takeBehind(this);
            return behind;
        }

        @Override
        public void notStarted() {
            super.notStarted();
            starter.notStarted(this);
        }
    }

    public final Task task;

    /** Whose tokens it takes; null if it needs none. */
    public @Nullable Object rateGroup;

    /** How many tokens. */
    public long cost = 1;

    /** Tells its lane, once that has been worked out: outside the room's lock, as a key's hash is foreign code. */
    public @Nullable Integer laneKey;

    /** Its bytes, where they may be needed. */
    public @Nullable WireHeader wire;

    /**
     * Makes a queued record.
     *
     * @param number its number in the partition's tracker
     * @param queuedAt when it was polled, on the run's clock
     */
    public QueuedRecord(
            ConsumerRecord<?, ?> record,
            RecordOrigin partition,
            long number,
            long queuedAt,
            Starter starter,
            int priority) {
        super(priority, (int) Math.min(1 << 30, BytesInFlight.of(record)));
        this.task = new Task(record, partition, number, queuedAt, starter, this);
    }

    /** Tells its lane by the hash of its key: no method can change that, and keys that share one follow one another. */
    public Integer laneKey() {
        Integer known = laneKey;
        return known != null ? known : Integer.valueOf(RecordTask.hashOfKey(record()));
    }

    public ConsumerRecord<?, ?> record() {
        return task.record;
    }
}
