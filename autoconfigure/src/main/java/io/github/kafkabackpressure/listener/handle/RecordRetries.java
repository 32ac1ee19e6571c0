package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.List;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * What follows an attempt at a record: attempt after attempt, and after each that failed the error handler, until the
 * record is handled, recovered, or its partition is gone.
 *
 * <p>Error handlers count attempts by thread and sleep between them. Where the handler is spring-kafka's own, the record
 * waits without a thread ({@link WaitingRecord}), for its next attempt and for the end of one whose method has returned, and
 * what the handler remembers goes over to the worker that goes on. All attempts that a handler of another kind is asked
 * about run on one thread; while it sleeps the worker's slot is left to others. The lane never is.
 *
 * <p>Threading: the workers; asynchronous results and late acknowledgments come in on any thread.
 */
final class RecordRetries {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordRetries.class));

    private final ListenerRun run;

    private final ListenerTarget target;

    private final RecordAttempts attempts;

    private final WorkerWaits waits;

    private final LateEnds lateEnds;

    private final ErrorHandling errorHandling;

    private final RecordVerdicts verdicts;

    RecordRetries(ListenerRun run, ListenerTarget target, RecordAttempts attempts) {
        this.run = run;
        this.target = target;
        this.attempts = attempts;
        this.waits = new WorkerWaits(run);
        this.lateEnds = new LateEnds(run, target.surroundings());
        this.errorHandling = new ErrorHandling(target.errorHandler(), target.container());
        this.verdicts = new RecordVerdicts(run, target, errorHandling);
    }

    /** Makes the first attempt at a record, which may end after its method has returned, and what follows. */
    WorkerPool.Result attemptThatMayEndLater(RecordTask task, long begun) {
        Retries retries = new Retries(task, begun);
        Signal signal = attempt(retries);
        return signal == null ? WorkerPool.Result.HOLDS_LANE : goOn(retries, signal);
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        return goOn(new Retries(task, begun), firstSignal == null ? Signal.GivenUp.GIVEN_UP : firstSignal);
    }

    /** Goes on with a record whose attempt ended after its method had returned. Called by any thread. */
    private void later(Retries retries, Signal signal, @Nullable Slot slot) {
        RecordTask task = retries.task;
        run.running.goesOn(task);
        if (signal == Signal.Done.DONE) {
            run.flight.finished(task, RecordOutcome.HANDLED, retries.begun);
            run.workers.resumeLane(task, slot);
        } else if (signal == Signal.GivenUp.GIVEN_UP) {
            run.flight.abandoned(task, retries.begun);
            run.workers.resumeLane(task, slot);
        } else {
            // The signalling thread is not ours to sleep on or to run the user's methods on.
            if (slot != null) {
                slot.close();
            }
            if (signal instanceof Signal.Nacked nacked) {
                startWait(retries, nacked.sleep());
            } else {
                new WaitingRecord(run, task, retries.begun, task::isGivenUp, () -> goOnByThisThread(retries, signal))
                        .start(Duration.ZERO);
            }
        }
    }

    private WorkerPool.Result goOnByThisThread(Retries retries, Signal signal) {
        giveToThread(retries);
        return goOn(retries, signal);
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

    private WorkerPool.Result goOn(Retries retries, Signal firstSignal) {
        RecordTask task = retries.task;
        Signal signal = firstSignal;
        try {
            while (true) {
                run.workers.forgetInterrupt();
                Duration wait;
                if (signal == Signal.Done.DONE) {
                    run.flight.finished(task, RecordOutcome.HANDLED, retries.begun);
                    return WorkerPool.Result.OVER;
                } else if (signal instanceof Signal.Failed failed) {
                    run.metrics.attemptFailed();
                    RecordVerdicts.Verdict verdict = verdicts.withoutHandler(task, failed);
                    if (verdict == null) {
                        retries.askedErrorHandler = true;
                        verdict = verdicts.ofHandler(task, failed);
                    }
                    switch (verdict.decision()) {
                        case RECOVERED -> {
                            run.flight.finished(task, RecordOutcome.RECOVERED, retries.begun);
                            return WorkerPool.Result.OVER;
                        }
                        case STOP -> {
                            run.failure.failedBy(failed.exception());
                            run.flight.unfinished(task, retries.begun);
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
                    return run.flight.abandoned(
                            task, retries.begun); // the workers end, or the partition has been given up
                }
                if (!task.isOver() && !wait.isZero()) {
                    if (mayWaitWithoutThread(retries)) {
                        return waitWithoutThread(retries, wait);
                    }
                    waits.sleepWithoutSlotWhile(() -> !task.isOver(), wait);
                }
                signal = attemptAgain(retries);
                if (signal == null) {
                    return WorkerPool.Result.HOLDS_LANE;
                }
            }
        } finally {
            forgetAttempts(retries);
        }
    }

    /** Makes a further attempt, as {@link #attempt} does, unless there is nothing to be attempted any more. */
    private @Nullable Signal attemptAgain(Retries retries) {
        RecordTask task = retries.task;
        boolean attempts = !task.isOver() && run.workers.takeSlotAgainWhile(() -> !task.isOver()) && !task.isOver();
        if (!attempts) {
            return Signal.GivenUp.GIVEN_UP;
        }
        run.metrics.retried();
        return attempt(retries);
    }

    private void forgetAttempts(Retries retries) {
        if (retries.askedErrorHandler) {
            AttemptSurroundings.afterwards(
                    target.errorHandler()::clearThreadState, "the error handler's clearThreadState()");
            if (target.transactions() != null) {
                AttemptSurroundings.afterwards(
                        target.transactions()::clearThreadState, "the after-rollback processor's clearThreadState()");
            }
        }
    }

    /** Whether the next attempt may be made by another thread: not if an error handler may count those of this one. */
    private boolean mayWaitWithoutThread(Retries retries) {
        return verdicts.tellTheTime() || (target.transactions() == null && !retries.askedErrorHandler);
    }

    private WorkerPool.Result waitWithoutThread(Retries retries, Duration time) {
        takeFromThread(retries);
        startWait(retries, time);
        return WorkerPool.Result.HOLDS_LANE;
    }

    private void takeFromThread(Retries retries) {
        BackOffs backOffs = errorHandling.backOffs();
        if (backOffs != null && retries.askedErrorHandler) {
            retries.remembered = backOffs.takeFromThread();
        }
    }

    private void giveToThread(Retries retries) {
        BackOffs backOffs = errorHandling.backOffs();
        if (backOffs != null) {
            backOffs.giveToThread(retries.remembered);
        }
    }

    private void startWait(Retries retries, Duration time) {
        RecordTask task = retries.task;
        new WaitingRecord(run, task, retries.begun, task::isOver, () -> attemptAfterWait(retries)).start(time);
    }

    private WorkerPool.Result attemptAfterWait(Retries retries) {
        if (!retries.task.isOver() && target.container().isPauseRequested()) {
            startWait(retries, WorkerWaits.PAUSE_CHECK); // while it is paused nothing comes again
            return WorkerPool.Result.HOLDS_LANE;
        }
        giveToThread(retries);
        Signal signal;
        try {
            signal = attemptAgain(retries);
        } catch (Throwable e) {
            forgetAttempts(retries);
            throw e;
        }
        return signal == null ? WorkerPool.Result.HOLDS_LANE : goOn(retries, signal);
    }

    /**
     * Makes an attempt.
     *
     * @return how it ended; null if that comes later, and then the record is not the calling thread's any more
     */
    private @Nullable Signal attempt(Retries retries) {
        RecordTask task = retries.task;
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempts.attempt(task, null);
            return failure == null ? Signal.Done.DONE : failure;
        }
        RecordAcknowledgment acknowledgment = attempts.acknowledgment();
        Signal.Failed failure = attempts.attempt(task, acknowledgment);
        if (failure != null) {
            return failure;
        }
        lateEnds.expect(acknowledgment, List.of(task), () -> {
            if (task.isGivenUp()) {
                acknowledgment.giveUp();
            }
        });
        if (mayWaitWithoutThread(retries)) {
            return endsLater(retries, acknowledgment) ? null : acknowledgment.signal();
        }
        Signal signal = lateEnds.await(acknowledgment);
        return signal == null ? Signal.GivenUp.GIVEN_UP : signal; // the workers end
    }

    /** Leaves a record to whoever ends its attempt; false if that has ended. */
    private boolean endsLater(Retries retries, RecordAcknowledgment acknowledgment) {
        takeFromThread(retries);
        if (lateEnds.leave(
                retries.task, retries.begun, acknowledgment, (signal, slot) -> later(retries, signal, slot))) {
            return true;
        }
        giveToThread(retries);
        return false;
    }
}
