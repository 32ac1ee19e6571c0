package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with one record: a first attempt, and what {@link RecordRetries} makes of one that failed.
 *
 * <p>Threading: the workers; asynchronous results and late acknowledgments come in on any thread.
 */
public final class RecordInvoker implements Invoker, Invoker.OfSlices {

    private final ListenerRun run;

    private final ListenerTarget target;

    private final RecordAttempts attempts;

    private final RecordRetries retries;

    public RecordInvoker(ListenerRun run, ListenerTarget target) {
        this.run = run;
        this.target = target;
        this.attempts = new RecordAttempts(run, target);
        this.retries = new RecordRetries(run, target, attempts);
    }

    @Override
    public WorkerPool.Result invoke(RecordTask task, long begun) {
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempts.attempt(task, null);
            if (failure == null) {
                run.flight.finished(task, RecordOutcome.HANDLED, begun);
                return WorkerPool.Result.OVER;
            }
            return conclude(task, begun, failure);
        }
        return retries.attemptThatMayEndLater(task, begun);
    }

    @Override
    public @Nullable OfSlices ofSlices() {
        return target.ending() == Ending.BY_RETURN && target.transactions() == null ? this : null;
    }

    @Override
    public Signal.@Nullable Failed attempt(RecordOrigin partition, ConsumerRecord<?, ?> record) {
        return attempts.call(partition.owner, record, null);
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    @Override
    public WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        return retries.conclude(task, begun, firstSignal);
    }
}
