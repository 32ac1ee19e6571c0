package io.github.kafkabackpressure.listener;

/**
 * What a worker does with a record that it has taken from a lane.
 *
 * <p>Threading: the workers.
 */
interface Invoker {

    /** Makes the invoker of a run. */
    interface Factory {
        Invoker create(ListenerRun run);
    }

    /**
     * Handles a record that has been started and takes it out of flight, unless its end comes later.
     *
     * @param begun the time at which the handling began, in nanoseconds
     */
    WorkerPool.Result invoke(RecordTask task, long begun);
}
