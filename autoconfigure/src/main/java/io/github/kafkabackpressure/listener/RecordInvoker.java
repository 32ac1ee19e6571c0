package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import io.github.kafkabackpressure.listener.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import io.micrometer.observation.Observation;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.KafkaBackoffException;

/**
 * What a worker does with one record: attempt after attempt, and after each that failed the error handler, until the
 * record is handled, recovered, or its partition is gone.
 *
 * <p>Error handlers count attempts by thread and sleep between them. Where the handler is spring-kafka's own, the record
 * waits without a thread ({@link WaitingRecord}), and what the handler remembers goes over to the worker that makes the
 * next attempt. All attempts that a handler of another kind is asked about run on one thread; while it sleeps the worker's
 * slot is left to others. The lane never is.
 *
 * <p>Threading: the workers; asynchronous results and late acknowledgments come in on any thread.
 */
final class RecordInvoker implements Invoker, Invoker.OfSlices {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordInvoker.class));

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
        return goOn(new Retries(task, begun), firstSignal);
    }

    /** What is known of a record's attempts; handed from worker to worker. */
    private static final class Retries {

        private final RecordTask task;

        private final long begun;

        private boolean askedErrorHandler;

        /** Whether it was logged that the record is in retry, which is done once. */
        private boolean told;

        /** What the error handler remembers of the record while no thread does. */
        private List<@Nullable Object> remembered = List.of();

        Retries(RecordTask task, long begun) {
            this.task = task;
            this.begun = begun;
        }
    }

    private WorkerPool.Result goOn(Retries retries, @Nullable Signal firstSignal) {
        RecordTask task = retries.task;
        Signal signal = firstSignal;
        try {
            while (true) {
                run.workers.forgetInterrupt();
                Duration wait;
                if (signal == Signal.Done.DONE) {
                    run.finished(task, RecordOutcome.HANDLED, retries.begun);
                    return WorkerPool.Result.OVER;
                } else if (signal instanceof Signal.Failed failed) {
                    run.metrics.failedAttempts.increment();
                    Verdict verdict = decide(retries, failed);
                    switch (verdict.decision()) {
                        case RECOVERED -> {
                            run.finished(task, RecordOutcome.RECOVERED, retries.begun);
                            return WorkerPool.Result.OVER;
                        }
                        case STOP -> {
                            run.failedBy(failed.exception());
                            run.unfinished(task, retries.begun);
                            return WorkerPool.Result.BLOCKS_LANE;
                        }
                        case RETRY -> {
                            if (!retries.told) {
                                retries.told = true;
                                LOG.info(() -> "The record " + task.record.topic() + "-" + task.record.partition() + "@"
                                        + task.record.offset() + " is in retry and not yet recovered");
                            }
                        }
                    }
                    wait = verdict.pause();
                } else if (signal instanceof Signal.Nacked nacked) {
                    wait = nacked.sleep();
                } else {
                    return run.abandoned(task, retries.begun); // the workers end, or the partition has been given up
                }
                if (!task.isOver() && !wait.isZero()) {
                    if (mayWaitWithoutThread(retries)) {
                        return waitWithoutThread(retries, wait);
                    }
                    run.sleepWithoutSlotWhile(() -> !task.isOver(), wait);
                }
                signal = attemptAgain(retries);
            }
        } finally {
            forgetAttempts(retries);
        }
    }

    /** Makes a further attempt; null if there is nothing to be attempted any more. */
    private @Nullable Signal attemptAgain(Retries retries) {
        RecordTask task = retries.task;
        boolean attempts = !task.isOver() && run.workers.takeSlotAgainWhile(() -> !task.isOver()) && !task.isOver();
        if (!attempts) {
            return null;
        }
        run.metrics.retries.increment();
        return attemptToTheEnd(task);
    }

    private void forgetAttempts(Retries retries) {
        if (retries.askedErrorHandler) {
            target.errorHandler().clearThreadState();
            if (target.transactions() != null) {
                target.transactions().clearThreadState();
            }
        }
    }

    /** Whether the next attempt may be made by another thread: not if an error handler may count those of this one. */
    private boolean mayWaitWithoutThread(Retries retries) {
        return target.transactions() == null && (!retries.askedErrorHandler || errorHandling.backOffs() != null);
    }

    private WorkerPool.Result waitWithoutThread(Retries retries, Duration time) {
        BackOffs backOffs = errorHandling.backOffs();
        if (backOffs != null && retries.askedErrorHandler) {
            retries.remembered = backOffs.takeFromThread();
        }
        startWait(retries, time);
        return WorkerPool.Result.HOLDS_LANE;
    }

    private void startWait(Retries retries, Duration time) {
        new WaitingRecord(run, retries.task, retries.begun, () -> attemptAfterWait(retries)).start(time);
    }

    private WorkerPool.Result attemptAfterWait(Retries retries) {
        if (!retries.task.isOver() && target.container().isPauseRequested()) {
            startWait(retries, ListenerRun.PAUSE_CHECK); // while it is paused nothing comes again
            return WorkerPool.Result.HOLDS_LANE;
        }
        BackOffs backOffs = errorHandling.backOffs();
        if (backOffs != null) {
            backOffs.giveToThread(retries.remembered);
        }
        Signal signal;
        try {
            signal = attemptAgain(retries);
        } catch (Throwable e) {
            forgetAttempts(retries);
            throw e;
        }
        return goOn(retries, signal);
    }

    /**
     * What an error handler has decided.
     *
     * @param pause how long to wait before the next attempt; zero if that is over
     */
    private record Verdict(ErrorHandling.Decision decision, Duration pause) {

        static Verdict retryAfter(Duration wait) {
            return new Verdict(ErrorHandling.Decision.RETRY, wait);
        }
    }

    private Verdict decide(Retries retries, Signal.Failed failed) {
        RecordTask task = retries.task;
        if (task.isGivenUp()) {
            return Verdict.retryAfter(
                    Duration.ZERO); // it comes again, here or to its next owner, who alone may recover it
        }
        long due = dueMillis(failed.exception());
        if (due >= 0) {
            return Verdict.retryAfter(Duration.ofMillis(Math.max(due - System.currentTimeMillis(), 1)));
        }
        retries.askedErrorHandler = true;
        if (failed.exception() instanceof RecordTransactions.FormerMemberException) {
            task.partition.owner.gate.signal(); // the consumer's thread looks at its membership before it polls
            return Verdict.retryAfter(ListenerRun.LEAST_RETRY_DELAY);
        }
        WaitsFor before = run.running.waitsFor(WaitsFor.BACK_OFF);
        run.workers.leaveSlot();
        Observation.Scope scope =
                failed.observation() == null ? null : failed.observation().openScope();
        try {
            return mayWaitWithoutThread(retries) ? askForTheTime(task, failed) : askAndWait(task, failed);
        } finally {
            if (scope != null) {
                scope.close();
            }
            run.running.waitsFor(before);
        }
    }

    /** Asks an error handler that says how long it would wait. */
    private Verdict askForTheTime(RecordTask task, Signal.Failed failed) {
        long asked = run.nanoTime.getAsLong();
        try (BackOffNote note = BackOffNote.open()) {
            ErrorHandling.Decision decision = errorHandling.decide(failed.exception(), task);
            // It may have refused to recover without any delay, and must not be asked again in a hot loop.
            Duration least = ListenerRun.LEAST_RETRY_DELAY.minusNanos(run.nanoTime.getAsLong() - asked);
            Duration noted = Duration.ofMillis(Math.max(note.millis(), 0));
            Duration wait = noted.compareTo(least) > 0 ? noted : least;
            return new Verdict(decision, wait.isNegative() ? Duration.ZERO : wait);
        }
    }

    /** Asks an error handler that waits on this thread. */
    private Verdict askAndWait(RecordTask task, Signal.Failed failed) {
        long asked = run.nanoTime.getAsLong();
        RecordTransactions transactions = target.transactions();
        ErrorHandling.Decision decision = transactions == null
                ? errorHandling.decide(failed.exception(), task)
                : transactions.decide(failed.exception(), task, target.decidesAfterRollback() ? null : errorHandling);
        if (decision == ErrorHandling.Decision.RETRY) {
            run.awaitRetryWhile(() -> !task.isOver(), asked, target.container());
        }
        return new Verdict(decision, Duration.ZERO);
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
