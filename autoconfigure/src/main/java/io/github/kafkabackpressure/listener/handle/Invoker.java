package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a record that it has taken from a lane.
 *
 * <p>Threading: the workers.
 */
public interface Invoker {

    /**
     * Handles a record that has been started and takes it out of flight, unless its end comes later.
     *
     * @param begun the time at which the handling began, in nanoseconds
     */
    WorkerPool.Result invoke(RecordTask task, long begun);

    /** How it handles the records of a slice; null if each record must be a task of its own. */
    default @Nullable OfSlices ofSlices() {
        return null;
    }

    /** What a worker does with the records of a slice, each of which is finished when its attempt has succeeded. */
    interface OfSlices {

        /** Makes the first attempt at a record. Returns what it failed with, or null. */
        Signal.@Nullable Failed attempt(RecordOrigin partition, ConsumerRecord<?, ?> record);

        /** Who is told how long the attempts took; null if nobody, or if {@link #attempt} does so for each. */
        default @Nullable TurnTimer turnTimer() {
            return null;
        }

        /** Does what the end of a record's first attempt calls for, and takes the record out of flight. */
        WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal);
    }

    /** Is told how long the records took that a worker has handled in one turn, as each is too quick to be timed alone. */
    interface TurnTimer {

        /**
         * Takes in how long attempts took.
         *
         * @param records how many they were
         * @param nanosEach how long each took on average, in nanoseconds
         * @param failure what the last of them failed with; null if it did not
         */
        void took(RecordOrigin partition, int records, long nanosEach, Signal.@Nullable Failed failure);
    }
}
