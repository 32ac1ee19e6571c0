package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import io.micrometer.observation.Observation;
import java.time.Duration;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.KafkaBackoffException;

/**
 * What is to become of a record whose attempt has failed, and when.
 *
 * <p>Threading: the workers.
 */
final class RecordVerdicts {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordVerdicts.class));

    private final ListenerRun run;

    private final WorkerWaits waits;

    private final ListenerTarget target;

    private final ErrorHandling errorHandling;

    RecordVerdicts(ListenerRun run, ListenerTarget target, ErrorHandling errorHandling) {
        this.run = run;
        this.waits = new WorkerWaits(run);
        this.target = target;
        this.errorHandling = errorHandling;
    }

    /**
     * What has been decided.
     *
     * @param pause how long to wait before the next attempt; zero if that is over
     */
    record Verdict(ErrorHandling.Decision decision, Duration pause) {

        private static Verdict retryAfter(Duration wait) {
            return new Verdict(ErrorHandling.Decision.RETRY, wait);
        }
    }

    /** Whether the error handler says how long it would wait; else it waits on the thread that asks it. */
    boolean tellTheTime() {
        return target.transactions() == null && errorHandling.backOffs() != null;
    }

    /** What needs no error handler to be decided; null if one has to be asked. */
    @Nullable Verdict withoutHandler(RecordTask task, Signal.Failed failed) {
        if (task.isGivenUp()) {
            return Verdict.retryAfter(
                    Duration.ZERO); // it comes again, here or to its next owner, who alone may recover it
        }
        long due = dueMillis(failed.exception());
        return due < 0 ? null : Verdict.retryAfter(Duration.ofMillis(Math.max(due - System.currentTimeMillis(), 1)));
    }

    /** Asks the error handler. */
    Verdict ofHandler(RecordTask task, Signal.Failed failed) {
        if (failed.exception() instanceof RecordTransactions.FormerMemberException) {
            task.partition.owner.gate.signal(); // the consumer's thread looks at its membership before it polls
            return Verdict.retryAfter(WorkerWaits.LEAST_RETRY_DELAY);
        }
        WaitsFor before = run.running.waitsFor(WaitsFor.BACK_OFF);
        run.workers.leaveSlot();
        Observation.Scope scope = scope(failed.observation());
        try {
            return tellTheTime() ? askForTheTime(task, failed) : askAndWait(task, failed);
        } finally {
            if (scope != null) {
                target.surroundings().close(scope);
            }
            run.running.waitsFor(before);
        }
    }

    /** The scope of a failed attempt's observation; null if there is none, or a handler of the user's does not let it open. */
    private Observation.@Nullable Scope scope(@Nullable Observation observation) {
        if (observation != null) {
            try {
                return target.surroundings().openScope(observation);
            } catch (RuntimeException e) {
                LOG.error(e, "an observation could not be continued; the error handler is asked without it");
            }
        }
        return null;
    }

    /** Asks an error handler that says how long it would wait. */
    private Verdict askForTheTime(RecordTask task, Signal.Failed failed) {
        long asked = run.nanoTime.getAsLong();
        try (BackOffNote note = BackOffNote.open()) {
            ErrorHandling.Decision decision = errorHandling.decide(failed.exception(), task);
            // It may have refused to recover without any delay, and must not be asked again in a hot loop.
            Duration least = WorkerWaits.LEAST_RETRY_DELAY.minusNanos(run.nanoTime.getAsLong() - asked);
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
            waits.awaitRetryWhile(() -> !task.isOver(), asked, target.container());
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
}
