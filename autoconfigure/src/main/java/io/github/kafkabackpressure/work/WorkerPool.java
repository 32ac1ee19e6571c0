package io.github.kafkabackpressure.work;

import io.github.kafkabackpressure.work.Pace.Speed;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The workers of a listener: as many threads as there is work for, but never more than {@code max-concurrency} that
 * handle records at the same moment. Each such thread holds a {@link Slot}; a thread that only waits (for the back-off
 * of a retry) gives it back meanwhile, and a record whose result comes later holds its slot without a thread. A task is
 * one record, or some that a worker handles in turns of a few.
 *
 * <p>A worker claims records until there is none and ends. How many workers to start is the question that speed hangs
 * on: to start one costs some microseconds, as much as handling many records that do nothing. So it depends on the
 * {@link Pace}. While that is quick there is one worker, and another only when it is busy for too long or has not
 * claimed anything for too long; when it is slow, every ready record gets a worker while there are slots.
 *
 * <p>Threading: the consumers' threads submit and wake, the workers run here, the lifecycle closes. Safe for all.
 *
 * @param <T> the tasks
 */
public final class WorkerPool<T> {

    /** How a record's handling left it. */
    public enum Result {
        /** Over: the next record of the lane may run. */
        OVER,
        /** The same task has another record. */
        AGAIN,
        /** The end comes later, by {@link #resumeLane}; until then the record holds its lane. */
        HOLDS_LANE,
        /** The lane must not go on. */
        BLOCKS_LANE
    }

    /** Handles a record and all that follows from it; must not throw. */
    public interface Handler<T> {

        /**
         * Handles a record: the task's, or the next few of a task that has many.
         *
         * @param begun the present time of the pool's clock in nanoseconds
         */
        Result handle(T task, long begun);

        /** Ends a task's turn in its lane and returns the task whose turn that makes it, or null. */
        @Nullable T endTurn(T task);

        /** How many records the last {@link #handle} of the task has handled. */
        default int recordsInTurn(T task) {
            return 1;
        }
    }

    private final Crew<T> crew;

    private final Handler<T> handler;

    private final Worker.Tasks<T> handling = new Handling();

    private final Executor executor;

    private final Map<Thread, Worker<T>> threads = new ConcurrentHashMap<>();

    /**
     * Makes a pool without a thread.
     *
     * @param maxConcurrency the number of slots
     * @param executor runs each task at once, on a thread that does nothing else meanwhile
     * @param handler handles the records
     * @param nanoTime a clock in nanoseconds
     */
    public WorkerPool(int maxConcurrency, Executor executor, Handler<T> handler, LongSupplier nanoTime) {
        this.crew = new Crew<>(maxConcurrency, nanoTime, this::startWorker);
        this.executor = executor;
        this.handler = handler;
    }

    /**
     * Adds tasks that may run, and starts workers for them.
     *
     * @param tasks not to be changed any more
     */
    @SafeVarargs
    @SuppressWarnings("varargs") // they are only read
    public final void submit(T... tasks) {
        if (tasks.length == 0) {
            return;
        }
        crew.ready.addPolled(tasks);
        if (isSlow()) {
            for (int i = 0; i < tasks.length && startWorker(); i++) {}
        } else if (crew.working() == 0) {
            startWorker();
        }
    }

    /** Sets how many records may be handled at the same moment. Those that are being handled beyond that go on. */
    public void setMaxConcurrency(int records) {
        crew.slots.change(records);
        crew.startIfBacklog();
    }

    /** Whether a record takes so long that starting a thread for it pays off. */
    public boolean isSlow() {
        return crew.isSlow();
    }

    /** Whether handling is so quick that one worker keeps up with the consumer, whatever lanes the records are on. */
    public boolean isComputing() {
        return crew.pace.speed() == Speed.COMPUTING;
    }

    /**
     * Starts one more worker if records wait, a slot is free and nothing has been claimed for a while: the way out when
     * a quick handler suddenly hangs. To be called every few milliseconds while {@link #hasBacklog}.
     */
    public void nudge() {
        if (crew.hasBacklog() && crew.hasNotClaimedForLong()) {
            startWorker();
        }
    }

    /** Whether records wait although a slot is free. */
    public boolean hasBacklog() {
        return crew.hasBacklog();
    }

    /** Takes a task that may run, to be handled together with another one; null if none is ready. */
    public @Nullable T takeReady() {
        return crew.ready.claim(true);
    }

    /**
     * Ends the lane's wait for a record whose handling held it.
     *
     * @param slot the slot that the record held, which is freed; null if it held none
     */
    public void resumeLane(T task, @Nullable Slot slot) {
        T successor = handler.endTurn(task);
        if (successor != null) {
            crew.ready.addNext(successor);
        }
        if (slot != null) {
            slot.release();
        }
        crew.startIfBacklog();
    }

    /**
     * Goes on with a record, whose handling held its lane, on a thread of the pool.
     *
     * @param slot the slot that the record held, which goes over to the thread; null if it gets one first
     * @param continuation says how the handling left it
     * @return false if there are no threads any more; then the continuation is not called and the slot is free
     * @throws OutOfMemoryError if the JVM has no thread left; it leaves behind the same
     */
    public boolean continueOnWorker(T task, @Nullable Slot slot, Supplier<Result> continuation) {
        Worker<T> worker = new Worker<>(crew, handling);
        boolean accepted = false;
        try {
            executor.execute(() -> runAs(worker, () -> goOn(worker, task, slot, continuation)));
            accepted = true;
        } catch (RejectedExecutionException e) {
            // the answer says so
        } finally {
            if (!accepted && slot != null) {
                slot.close();
            }
        }
        return accepted;
    }

    private void goOn(Worker<T> worker, T task, @Nullable Slot slot, Supplier<Result> continuation) {
        if (slot == null) {
            worker.takeSlotWhile(() -> true);
        } else {
            worker.attachSlot(slot);
        }
        Result result = Result.BLOCKS_LANE;
        try {
            result = continuation.get();
        } finally {
            T successor = successor(task, result);
            if (successor != null) {
                crew.ready.addNext(successor);
            }
            worker.releaseSlot();
            crew.startIfBacklog();
        }
    }

    /** Lets others use the slot of the calling worker while it waits or ends; it does nothing if the worker has none. */
    public void leaveSlot() {
        current().leaveSlot();
    }

    /** Waits for a slot if the calling worker has none. An interrupt does not end the wait, but stays set. */
    public void takeSlotAgain() {
        current().takeSlotWhile(() -> true);
    }

    /**
     * As {@link #takeSlotAgain}, but only while a condition is true, which is looked at after each {@link #lookAgain}.
     *
     * @return false if the worker has no slot and nothing is to be done with it
     */
    public boolean takeSlotAgainWhile(BooleanSupplier condition) {
        return current().takeSlotWhile(condition);
    }

    /** Has the workers that wait for a slot look whether they should wait on. */
    public void lookAgain() {
        crew.slots.lookAgain();
    }

    /** Adds a task that has waited for something since it began. It goes before those that have not begun. */
    public void submitAgain(T task) {
        crew.ready.addAgain(task);
        crew.startIfBacklog();
    }

    /**
     * Gives the calling worker's slot to the record that it handles, which holds it after the worker has gone on. Who
     * gets it must close it, or give it to {@link #attachSlot}, {@link #resumeLane} or {@link #continueOnWorker}.
     */
    public Slot detachSlot() {
        return current().detachSlot();
    }

    /** Gives the calling worker the slot back that it has detached. */
    public void attachSlot(Slot slot) {
        current().attachSlot(slot);
    }

    private Worker<T> current() {
        Worker<T> worker = threads.get(Thread.currentThread());
        if (worker == null) {
            throw new IllegalStateException("not called by a worker");
        }
        return worker;
    }

    /** Whether the calling thread is handling one of this pool's records. */
    public boolean isWorkerThread() {
        return threads.containsKey(Thread.currentThread());
    }

    /**
     * Forgets an interrupt that user code has left set on this worker: it would cut short the waits of other records.
     * Not that of {@link #close}, which says first that they are to end.
     */
    public void forgetInterrupt() {
        if (Thread.interrupted() && crew.isClosed()) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the workers are to end. */
    public boolean isClosed() {
        return crew.isClosed();
    }

    /** Starts no more workers and interrupts those that run. */
    public void close() {
        crew.close();
        threads.keySet().forEach(Thread::interrupt);
    }

    private boolean startWorker() {
        Slot slot = crew.isClosed() ? null : crew.slots.tryTake();
        if (slot == null) {
            return false;
        }
        Worker<T> worker = new Worker<>(crew, handling);
        worker.attachSlot(slot);
        try {
            executor.execute(() -> runAs(worker, worker::run));
            return true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // The latter is how a JVM says that there are no more threads to be had. The caller may be a worker with a
            // record in hand; nudge() tries again.
            worker.releaseSlot();
            return false;
        }
    }

    private void runAs(Worker<T> worker, Runnable work) {
        Thread thread = Thread.currentThread();
        Worker<T> outer = threads.put(thread, worker);
        try {
            work.run();
        } finally {
            if (outer == null) {
                threads.remove(thread);
            } else {
                threads.put(thread, outer); // an executor that runs its tasks on the caller's thread
            }
        }
    }

    private @Nullable T successor(T task, Result result) {
        return result == Result.OVER ? handler.endTurn(task) : null;
    }

    /** What the handler says, as workers want to know it. */
    private final class Handling implements Worker.Tasks<T> {

        @Override
        public @Nullable T handle(T task, long begun) {
            Result result = handler.handle(task, begun);
            return result == Result.AGAIN ? task : successor(task, result);
        }

        @Override
        public int recordsInTurn(T task) {
            return handler.recordsInTurn(task);
        }
    }
}
