package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.listener.task.WaitsFor;
import io.github.kafkabackpressure.work.Slot;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The ends of attempts, at a record or a batch, that come after the method has returned: by an acknowledgment or by an
 * asynchronous result.
 *
 * <p>Threading: the workers; what follows an end is called by whoever brings it about.
 */
final class LateEnds {

    private final ListenerRun run;

    private final AttemptSurroundings surroundings;

    private final WorkerWaits waits;

    LateEnds(ListenerRun run, AttemptSurroundings surroundings) {
        this.run = run;
        this.surroundings = surroundings;
        this.waits = new WorkerWaits(run);
    }

    /** What follows an end. */
    interface Continuation {

        /**
         * Goes on.
         *
         * @param slot the slot that the attempt has kept; null if it has left it to others
         */
        void goOn(Signal signal, @Nullable Slot slot);
    }

    /**
     * Sees to it that an attempt does not last for ever, now that its method has returned.
     *
     * @param tasks what the attempt was made at
     * @param partitionOver called when the work in a partition of theirs is over before anyone has acknowledged
     */
    void expect(RecordAcknowledgment acknowledgment, List<RecordTask> tasks, Runnable partitionOver) {
        acknowledgment.endIfByReturn();
        if (acknowledgment.signal() != null) {
            return;
        }
        if (!acknowledgment.isByResult()) {
            acknowledgment.endWith(
                    tasks.stream().map(task -> task.partition).collect(Collectors.toSet()), partitionOver);
            return;
        }
        Duration timeout = run.settings.handlerTimeout();
        if (!timeout.isZero()) {
            acknowledgment.failAfter(
                    timeout,
                    () -> surroundings.decorated(
                            new TimeoutException("no result came within handler-timeout, which is " + timeout)));
        }
    }

    /**
     * Leaves an attempt, and with it the lane, to whoever ends it.
     *
     * @param first the record that the worker has in hand
     * @param begun when its handling began, in nanoseconds
     * @param continuation called once when the end is there
     * @return false if it is there already; then the continuation is not called
     */
    boolean leave(RecordTask first, long begun, RecordAcknowledgment acknowledgment, Continuation continuation) {
        boolean byResult = acknowledgment.isByResult();
        run.running.waits(first, byResult ? WaitsFor.RESULT : WaitsFor.ACKNOWLEDGMENT, begun);
        // A result is still being worked for, so the attempt keeps the slot; an acknowledgment is only waited for.
        Slot slot = byResult && acknowledgment.signal() == null ? run.workers.detachSlot() : null;
        if (acknowledgment.whenSignalled(signal -> continuation.goOn(signal, slot))) {
            return true;
        }
        run.running.goesOn(first);
        if (slot != null) {
            run.workers.attachSlot(slot);
        }
        return false;
    }

    /** Waits for the end of an attempt on this thread; null if the workers end first. */
    @Nullable Signal await(RecordAcknowledgment acknowledgment) {
        return waits.await(acknowledgment, acknowledgment.isByResult());
    }
}
