package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import io.github.kafkabackpressure.listener.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import io.micrometer.observation.Observation;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.KafkaBackoffException;

/**
 * What a worker does with one record: attempt after attempt, and after each that failed the error handler, until the
 * record is handled, recovered, or its partition is gone.
 *
 * <p>All attempts of a record but an asynchronous first one run on one thread, as error handlers count attempts by
 * thread. While the error handler sleeps between attempts the worker's slot is left to others; the lane is not.
 *
 * <p>Threading: the workers; asynchronous results and late acknowledgments come in on any thread.
 */
final class RecordInvoker implements Invoker, Invoker.OfSlices {

    private final ListenerRun run;

    private final ListenerTarget target;

    private final ErrorHandling errorHandling;

    private final RecordAttempts attempts;

    RecordInvoker(ListenerRun run, ListenerTarget target) {
        this.run = run;
        this.target = target;
        this.attempts = new RecordAttempts(target);
        this.errorHandling = new ErrorHandling(target.errorHandler(), target.container());
    }

    @Override
    public WorkerPool.Result invoke(RecordTask task, long begun) {
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempts.attempt(task, null);
            if (failure == null) {
                run.finished(task, RecordOutcome.HANDLED, begun);
                return WorkerPool.Result.OVER;
            }
            return conclude(task, begun, failure);
        }
        boolean byResult = target.ending() == Ending.BY_RESULT;
        RecordAcknowledgment acknowledgment = attempts.acknowledgment();
        Signal.Failed failure = attempts.attempt(task, acknowledgment);
        if (failure != null) {
            return conclude(task, begun, failure);
        }
        expectEnd(task, acknowledgment);
        run.running.waits(task, byResult ? WaitsFor.RESULT : WaitsFor.ACKNOWLEDGMENT, begun);
        // A result is still being worked for, so the record keeps the slot; an acknowledgment is only waited for.
        Slot slot = byResult && acknowledgment.signal() == null ? run.workers.detachSlot() : null;
        if (acknowledgment.whenSignalled(signal -> later(task, begun, signal, slot))) {
            return WorkerPool.Result.HOLDS_LANE;
        }
        run.running.goesOn(task);
        if (slot != null) {
            run.workers.attachSlot(slot);
        }
        return conclude(task, begun, acknowledgment.signal());
    }

    @Override
    public @Nullable OfSlices ofSlices() {
        return target.ending() == Ending.BY_RETURN && target.transactions() == null ? this : null;
    }

    @Override
    public Signal.@Nullable Failed attempt(PartitionWork partition, ConsumerRecord<?, ?> record) {
        return attempts.call(partition.owner, record, null);
    }

    /** Goes on with a record whose attempt ended after its method had returned. */
    private void later(RecordTask task, long begun, Signal signal, @Nullable Slot slot) {
        run.running.goesOn(task);
        if (signal == Signal.Done.DONE) {
            run.finished(task, RecordOutcome.HANDLED, begun);
            run.workers.resumeLane(task, slot);
        } else if (signal == Signal.GivenUp.GIVEN_UP) {
            run.abandoned(task, begun);
            run.workers.resumeLane(task, slot);
        } else {
            // The signalling thread is not ours to sleep on or to run the user's method on.
            boolean goesOn = run.continueOnWorker(task, begun, slot, () -> concludeSafely(task, begun, signal));
            if (!goesOn) {
                run.abandoned(task, begun); // the listener has stopped: the record comes again to its next owner
            }
        }
    }

    private WorkerPool.Result concludeSafely(RecordTask task, long begun, Signal signal) {
        try {
            return conclude(task, begun, signal);
        } catch (Throwable e) {
            return run.failed(task, begun, e);
        }
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    @Override
    public WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        Signal signal = firstSignal;
        boolean askedErrorHandler = false;
        try {
            while (true) {
                run.workers.forgetInterrupt();
                if (signal == Signal.Done.DONE) {
                    run.finished(task, RecordOutcome.HANDLED, begun);
                    return WorkerPool.Result.OVER;
                }
                boolean again = true;
                if (signal instanceof Signal.Failed failed) {
                    askedErrorHandler = true;
                    run.metrics.failedAttempts.increment();
                    switch (decide(task, failed)) {
                        case RECOVERED -> {
                            run.finished(task, RecordOutcome.RECOVERED, begun);
                            return WorkerPool.Result.OVER;
                        }
                        case STOP -> {
                            run.failedBy(failed.exception());
                            run.unfinished(task, begun);
                            return WorkerPool.Result.BLOCKS_LANE;
                        }
                        case RETRY -> {}
                    }
                } else if (signal instanceof Signal.Nacked nacked) {
                    run.sleepWithoutSlotWhile(() -> !task.isOver(), nacked.sleep());
                } else {
                    again = false; // the workers end, or the partition has been given up
                }
                if (!again || task.isOver()) {
                    return run.abandoned(task, begun);
                }
                run.metrics.retries.increment();
                signal = attemptToTheEnd(task);
            }
        } finally {
            if (askedErrorHandler) {
                target.errorHandler().clearThreadState();
                if (target.transactions() != null) {
                    target.transactions().clearThreadState();
                }
            }
        }
    }

    private ErrorHandling.Decision decide(RecordTask task, Signal.Failed failed) {
        if (task.isGivenUp()) {
            return ErrorHandling.Decision.RETRY; // it comes again, here or to its next owner, who alone may recover it
        }
        long due = dueMillis(failed.exception());
        if (due >= 0) {
            Duration wait = Duration.ofMillis(Math.max(due - System.currentTimeMillis(), 1));
            run.sleepWithoutSlotWhile(() -> !task.isOver(), wait);
            return ErrorHandling.Decision.RETRY;
        }
        if (failed.exception() instanceof RecordTransactions.FormerMemberException) {
            task.partition.owner.gate.signal(); // the consumer's thread looks at its membership before it polls
            run.awaitNextAttemptWhile(() -> !task.isOver());
            return ErrorHandling.Decision.RETRY;
        }
        WaitsFor before = run.running.waitsFor(WaitsFor.BACK_OFF);
        run.workers.leaveSlot();
        Observation.Scope scope =
                failed.observation() == null ? null : failed.observation().openScope();
        try {
            long asked = run.nanoTime.getAsLong();
            RecordTransactions transactions = target.transactions();
            ErrorHandling.Decision decision = transactions == null
                    ? errorHandling.decide(failed.exception(), task)
                    : transactions.decide(
                            failed.exception(), task, target.decidesAfterRollback() ? null : errorHandling);
            if (decision == ErrorHandling.Decision.RETRY) {
                run.awaitRetryWhile(() -> !task.isOver(), asked, target.container());
            }
            return decision;
        } finally {
            if (scope != null) {
                scope.close();
            }
            run.workers.takeSlotAgain();
            run.running.waitsFor(before);
        }
    }

    /** When a record of a retry topic is due, which no error handler need be asked; -1 if that is not why it failed. */
    private static long dueMillis(RuntimeException exception) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            if (cause instanceof KafkaBackoffException notYet) {
                return notYet.getDueTimestamp();
            }
        }
        return -1;
    }

    /** Makes a further attempt and waits for its end on this thread; null if the workers end. */
    private @Nullable Signal attemptToTheEnd(RecordTask task) {
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempts.attempt(task, null);
            return failure == null ? Signal.Done.DONE : failure;
        }
        boolean byResult = target.ending() == Ending.BY_RESULT;
        RecordAcknowledgment acknowledgment = attempts.acknowledgment();
        Signal.Failed failure = attempts.attempt(task, acknowledgment);
        if (failure != null) {
            return failure;
        }
        expectEnd(task, acknowledgment);
        return run.await(acknowledgment, byResult);
    }

    /** Sees to it that an attempt does not last for ever, now that its method has returned. */
    private void expectEnd(RecordTask task, RecordAcknowledgment acknowledgment) {
        acknowledgment.endIfByReturn();
        if (acknowledgment.signal() != null) {
            return;
        }
        if (target.ending() == Ending.BY_ACKNOWLEDGMENT) {
            acknowledgment.endWith(Set.of(task.partition), () -> {
                if (task.isGivenUp()) {
                    acknowledgment.giveUp();
                }
            });
            return;
        }
        Duration timeout = run.options.handlerTimeout();
        if (!timeout.isZero()) {
            acknowledgment.failAfter(
                    timeout,
                    () -> attempts.decorated(
                            new TimeoutException("no result came within handler-timeout, which is " + timeout)));
        }
    }
}
