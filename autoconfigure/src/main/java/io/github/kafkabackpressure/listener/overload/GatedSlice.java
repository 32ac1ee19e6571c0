package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.buffer.WaitingLanes;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordSlice;
import io.github.kafkabackpressure.listener.task.RecordTask;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * A slice whose records take their tokens together, when it is begun. Once it is broken up its records wait in the
 * {@link Overload}'s room.
 *
 * <p>Threading: as {@link RecordSlice}; what it has paid is under the lock of its {@link SliceGate}.
 */
public final class GatedSlice extends RecordSlice {

    /** Where slices wait for their tokens, and what knows the room. */
    interface Gate {

        /** Whether a slice has its tokens; if not, it is handed out again when it has. Called by the worker that begins it. */
        boolean passes(GatedSlice slice, long now);

        /**
         * Makes one of the room's records.
         *
         * @param paid whether it needs no more tokens
         */
        QueuedRecord queued(
                ConsumerRecord<?, ?> record, RecordOrigin partition, long number, long queuedAt, boolean paid);

        /** Takes in that a record holds its lane that was started as one of a slice. */
        void goesOn(QueuedRecord record, WaitingLanes lanes);
    }

    private final Gate gate;

    private final WaitingLanes lanes;

    private final boolean byKey;

    /** Whose tokens it takes. */
    final Object group;

    private final long tokens;

    /** How many of them it still lacks; written by the gate. */
    volatile long missing;

    /**
     * Makes a slice that has not taken any tokens.
     *
     * @param lanes where its records wait if it is broken up
     * @param group whose tokens they take
     * @param tokens how many
     * @param byKey whether they have lanes by their keys
     * @param now when they were polled, on the run's clock
     */
    GatedSlice(
            List<? extends ConsumerRecord<?, ?>> records,
            RecordOrigin partition,
            long firstNumber,
            Gate gate,
            WaitingLanes lanes,
            Object group,
            long tokens,
            boolean byKey,
            long now) {
        super(records, partition, firstNumber, now, now, byKey);
        this.gate = gate;
        this.lanes = lanes;
        this.byKey = byKey;
        this.group = group;
        this.tokens = tokens;
        this.missing = tokens;
    }

    @Override
    public boolean mayBegin(long now) {
        return missing == 0 || gate.passes(this, now);
    }

    /** What has been paid for needs no more tokens; those that were taken for a part of the records are the first ones'. */
    @Override
    public RecordTask taskOf(int index) {
        boolean paid = (index + 1) * (tokens / size()) <= tokens - missing;
        QueuedRecord queued = gate.queued(record(index), partition, firstNumber + index, queuedAt, paid);
        queued.laneKey = byKey ? hashOfKey(index) : 0;
        return queued.task;
    }

    @Override
    public boolean leavesLanes() {
        return true;
    }

    @Override
    public void goesOn(RecordTask running) {
        gate.goesOn(((QueuedRecord.Task) running).waiting, lanes);
    }
}
