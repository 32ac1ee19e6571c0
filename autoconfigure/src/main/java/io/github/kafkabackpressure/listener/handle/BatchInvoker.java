package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.handle.ErrorHandling.BatchDecision;
import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a batch: attempt after attempt, and after each that failed the error handler, with what is left
 * of the batch until nothing is.
 *
 * <p>Threading: the workers; asynchronous results and acknowledgments come in on any thread.
 */
public final class BatchInvoker implements Invoker {

    private final ListenerRun run;

    private final BatchTarget target;

    private final ErrorHandling errorHandling;

    private final BatchAttempts attempts;

    private final BatchCollector collector;

    private final WorkerWaits waits;

    private final LateEnds lateEnds;

    private final HandOver handOver;

    public BatchInvoker(ListenerRun run, BatchTarget target) {
        this.run = run;
        this.target = target;
        this.errorHandling = new ErrorHandling(target.errorHandler(), target.container());
        this.attempts = new BatchAttempts(run, target);
        this.collector = new BatchCollector(run);
        this.waits = new WorkerWaits(run);
        this.lateEnds = new LateEnds(run, target.surroundings());
        this.handOver = new HandOver(run);
    }

    @Override
    public WorkerPool.Result invoke(RecordTask task, long begun) {
        List<RecordTask> collected = collector.collect(task, this::invokeLate);
        // A lane goes on by the batch that it is in, not by the worker.
        return collected == null ? WorkerPool.Result.BLOCKS_LANE : handle(collected, begun, true);
    }

    private boolean invokeLate(RecordTask task) {
        boolean goesOn = handOver.toWorker(task, run.nanoTime.getAsLong(), null, () -> {
            List<RecordTask> collected = collector.collect(task, this::invokeLate);
            return collected == null
                    ? WorkerPool.Result.BLOCKS_LANE
                    : handle(collected, run.nanoTime.getAsLong(), false);
        });
        if (!goesOn) {
            run.flight.abandoned(task, run.nanoTime.getAsLong());
        }
        return goesOn;
    }

    /**
     * Handles a batch.
     *
     * @param mayEndLater whether this thread may go before an asynchronous result is there
     */
    private WorkerPool.Result handle(List<RecordTask> collected, long begun, boolean mayEndLater) {
        RunningBatch batch = new RunningBatch(run, collected, begun);
        try {
            List<RecordTask> tasks = batch.remaining();
            BatchAcknowledgment acknowledgment = acknowledgment(batch, tasks);
            Signal signal = attempts.attempt(tasks, acknowledgment);
            if (signal == null && acknowledgment != null) {
                expectEnd(batch, tasks, acknowledgment);
                boolean leftToItsEnd = mayEndLater
                        && lateEnds.leave(
                                tasks.get(0),
                                begun,
                                acknowledgment,
                                (given, slot) -> later(batch, tasks, begun, given, slot));
                if (leftToItsEnd) {
                    return WorkerPool.Result.HOLDS_LANE;
                }
                signal = lateEnds.await(acknowledgment);
            }
            conclude(batch, tasks, signal);
        } catch (Throwable e) {
            failed(batch, collected, e);
        }
        return WorkerPool.Result.BLOCKS_LANE;
    }

    /** Ends a batch by what no handler may see; even an Error stops the container by its consumer. */
    private static void failed(RunningBatch batch, List<RecordTask> tasks, Throwable cause) {
        tasks.get(0).partition.owner.fail(cause);
        batch.stopped();
    }

    private void later(RunningBatch batch, List<RecordTask> tasks, long begun, Signal signal, @Nullable Slot slot) {
        run.running.goesOn(tasks.get(0));
        boolean goesOn = handOver.toWorker(tasks.get(0), begun, slot, () -> {
            try {
                conclude(batch, tasks, signal);
            } catch (Throwable e) {
                failed(batch, tasks, e);
            }
            return WorkerPool.Result.BLOCKS_LANE;
        });
        if (!goesOn) {
            batch.abandoned(Set.copyOf(tasks)); // the listener has stopped: the records come again to their next owner
        }
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    private void conclude(RunningBatch batch, List<RecordTask> attempted, @Nullable Signal firstSignal) {
        Signal signal = firstSignal;
        List<RecordTask> tasks = attempted;
        boolean askedErrorHandler = false;
        try {
            while (true) {
                run.workers.forgetInterrupt();
                if (signal == Signal.Done.DONE) {
                    batch.finished(RecordOutcome.HANDLED);
                    return;
                }
                if (signal instanceof Signal.Nacked nacked) {
                    batch.finished(new HashSet<>(tasks.subList(0, nacked.index())), RecordOutcome.HANDLED);
                    waits.sleepWithoutSlotWhile(() -> gone(batch).isEmpty(), nacked.sleep());
                } else if (signal instanceof Signal.Failed failed) {
                    askedErrorHandler = true;
                    run.metrics.attemptFailed();
                    if (!decide(batch, tasks, failed.exception())) {
                        run.failure.failedBy(failed.exception());
                        batch.stopped();
                        return;
                    }
                } else {
                    batch.abandoned(new HashSet<>(batch.remaining())); // the workers end, or all has been given up
                    return;
                }
                batch.abandoned(gone(batch));
                tasks = batch.remaining();
                if (tasks.isEmpty()) {
                    return;
                }
                run.metrics.retried();
                run.workers.takeSlotAgain();
                signal = attemptToTheEnd(batch, tasks);
            }
        } finally {
            if (askedErrorHandler) {
                AttemptSurroundings.afterwards(
                        target.errorHandler()::clearThreadState, "the error handler's clearThreadState()");
            }
        }
    }

    private static Set<RecordTask> gone(RunningBatch batch) {
        return batch.remaining().stream().filter(RecordTask::isOver).collect(Collectors.toSet());
    }

    private static Set<RecordTask> givenUp(RunningBatch batch) {
        return batch.remaining().stream().filter(RecordTask::isGivenUp).collect(Collectors.toSet());
    }

    /**
     * Asks the error handler and takes those records out of the batch that it has dealt with.
     *
     * @return false if the container is stopping because of it
     */
    private boolean decide(RunningBatch batch, List<RecordTask> tasks, RuntimeException exception) {
        if (!givenUp(batch).isEmpty()) {
            return true; // given up: nobody may recover the records but their next owner
        }
        Nack nack = new Nack();
        WaitsFor before = run.running.waitsFor(WaitsFor.BACK_OFF);
        run.workers.leaveSlot();
        try {
            long asked = run.nanoTime.getAsLong();
            List<RecordTask> left = batch.remaining();
            BatchDecision decision = errorHandling.decide(exception, tasks, () -> retryWithSlot(batch, left, nack));
            if (nack.notMade) {
                // Nothing has failed anew, so nobody may recover the records. If the workers end, they are for others.
                batch.abandoned(run.workers.isClosed() ? new HashSet<>(batch.remaining()) : gone(batch));
                return true;
            }
            Set<RecordTask> done = new HashSet<>(tasks);
            if (nack.signal == null) {
                decision.again().forEach(done::remove);
            } else {
                done.retainAll(left.subList(0, nack.signal.index()));
            }
            batch.finished(done, nack.signal == null ? RecordOutcome.RECOVERED : RecordOutcome.HANDLED);
            if (decision.stops()) {
                return false;
            }
            if (nack.signal != null) {
                waits.sleepWhile(() -> gone(batch).isEmpty(), nack.signal.sleep());
            } else if (!decision.again().isEmpty()) {
                waits.awaitRetryWhile(() -> gone(batch).isEmpty(), asked, target.container());
            }
            return true;
        } finally {
            run.running.waitsFor(before);
        }
    }

    /** A further attempt that the error handler makes itself. */
    private void retryWithSlot(RunningBatch batch, List<RecordTask> tasks, Nack nack) {
        // To throw would be to say that the attempt has failed; of its last one the handler would recover all records.
        nack.notMade = !run.workers.takeSlotAgainWhile(() -> gone(batch).isEmpty());
        if (nack.notMade) {
            return;
        }
        WaitsFor before = run.running.waitsFor(WaitsFor.METHOD);
        try {
            Signal signal = attemptToTheEnd(batch, tasks);
            if (signal instanceof Signal.Failed failed) {
                throw failed.exception();
            }
            nack.notMade = signal == null; // the workers end
            nack.signal = signal instanceof Signal.Nacked nacked ? nacked : null;
        } finally {
            run.running.waitsFor(before);
            run.workers.leaveSlot();
        }
    }

    /** What became of a further attempt that the error handler made itself, if it neither succeeded nor failed. */
    private static final class Nack {

        /** Whether it could not be made, or not to its end. */
        private boolean notMade;

        /** Set if the user wants some of it again. */
        private Signal.@Nullable Nacked signal;
    }

    /** Makes a further attempt and waits for its end on this thread; null if the workers end. */
    private @Nullable Signal attemptToTheEnd(RunningBatch batch, List<RecordTask> tasks) {
        BatchAcknowledgment acknowledgment = acknowledgment(batch, tasks);
        Signal signal = attempts.attempt(tasks, acknowledgment);
        if (signal != null || acknowledgment == null) {
            return signal;
        }
        expectEnd(batch, tasks, acknowledgment);
        return lateEnds.await(acknowledgment);
    }

    private @Nullable BatchAcknowledgment acknowledgment(RunningBatch batch, List<RecordTask> tasks) {
        return target.ending() == Ending.BY_RETURN
                ? null
                : attempts.acknowledgment(
                        tasks.size(),
                        count -> batch.finished(new HashSet<>(tasks.subList(0, count)), RecordOutcome.HANDLED));
    }

    private void expectEnd(RunningBatch batch, List<RecordTask> tasks, BatchAcknowledgment acknowledgment) {
        lateEnds.expect(acknowledgment, tasks, () -> {
            batch.abandoned(givenUp(batch));
            if (batch.remaining().isEmpty()) {
                acknowledgment.giveUp();
            }
        });
    }
}
