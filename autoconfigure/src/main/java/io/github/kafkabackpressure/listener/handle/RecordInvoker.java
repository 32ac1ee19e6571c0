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

    /** Times the turns of slices, where that says as much as timing each record does; else null. */
    private final @Nullable TurnTimer turnTimer;

    public RecordInvoker(ListenerRun run, ListenerTarget target) {
        this.run = run;
        this.target = target;
        this.attempts = new RecordAttempts(run, target);
        this.retries = new RecordRetries(run, target, attempts);
        this.turnTimer = turnTimer(target);
    }

    /** An interceptor would be timed along with the method, and tags by record are for each record's own time. */
    private static @Nullable TurnTimer turnTimer(ListenerTarget target) {
        ListenerTimers timers = target.surroundings().timers();
        if (timers == null || timers.byRecord() || target.interceptor() != null) {
            return null;
        }
        return (partition, records, nanosEach, failure) ->
                timers.tell(partition.owner, records, nanosEach, failure == null ? null : failure.exception());
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
        return turnTimer == null
                ? attempts.call(partition.owner, record, null)
                : attempts.callUntimed(partition.owner, record);
    }

    @Override
    public @Nullable TurnTimer turnTimer() {
        return turnTimer;
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    @Override
    public WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        return retries.conclude(task, begun, firstSignal);
    }
}
