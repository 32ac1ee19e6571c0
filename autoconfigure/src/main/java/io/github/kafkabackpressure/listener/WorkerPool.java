package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.HandlingThread;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The workers of a listener: as many threads as there is work for, but never more than {@code max-concurrency} that
 * handle records at the same moment. Each such thread holds one of that many slots; a thread that only waits (for the
 * back-off of a retry) gives its slot back meanwhile, and a record whose result comes later holds its slot without a
 * thread.
 *
 * <p>What a poll made ready is one batch, from which workers claim task by task: that costs the consumer's thread one
 * queue operation for a poll, and still leaves no task behind another one's slow handler. A task is one record, or the
 * records of a {@link RecordSlice}, which a worker handles in turns of a few.
 *
 * <p>A worker claims records until there is none and ends. How many workers to start is the question that speed hangs
 * on: to start one costs some microseconds, as much as handling many records that do nothing. So it depends on how long
 * a record takes on average. While that is short there is one worker, and another only when it is busy for too long or
 * has not claimed anything for too long; when it is long, every ready record gets a worker while there are slots. An
 * average, as a thread that the operating system takes off its core for a moment must not look like a slow handler.
 *
 * <p>Threading: the consumers' threads submit and wake, the workers run here, the lifecycle closes. Safe for all.
 */
final class WorkerPool {

    /** How a record's handling left it. */
    enum Result {
        /** Over: the next record of the lane may run. */
        OVER,
        /** The same task has another record. */
        AGAIN,
        /** The result comes later, by {@link #resumeLane}; until then the record holds its lane and the slot. */
        HOLDS_SLOT,
        /** The end comes later, by {@link #resumeLane}; until then the record holds its lane. */
        HOLDS_LANE,
        /** The lane must not go on. */
        BLOCKS_LANE
    }

    /** Handles a record and all that follows from it; must not throw. */
    interface Handler {

        /**
         * Handles a record: the task's, or the next few of a slice.
         *
         * @param begun the present time of the pool's clock in nanoseconds
         */
        Result handle(LaneTask task, long begun);
    }

    /** Records that take longer on average are slow: a thread could have been started in the meantime. */
    private static final long SLOW_NANOS = 50_000;

    /** Records that take less on average do nothing but compute: more workers than cores are of no use to them. */
    private static final long COMPUTING_NANOS = 2_000;

    /** What a turn counts for at most in the average, and the number of records that the average is over. */
    private static final long LONGEST_NANOS = 1_000_000;

    private static final int AVERAGED = 64;

    /** After so many quick records of one lane, and at the end of a task, a worker lets others have their turn. */
    private static final int QUICK_TURNS = 32;

    /** How long a worker may be busy without a break, or without claiming a record, before another one is started. */
    private static final long BUSY_NANOS = 500_000;

    /**
     * How long a worker that has run out of quick records looks for more at most; never longer than it was busy before.
     */
    private static final long LONGEST_LINGER_NANOS = 200_000;

    /** What {@link Thread#onSpinWait} takes, about; nothing depends on it but how long a worker lingers. */
    private static final long SPIN_NANOS = 50;

    private static final int SPINS_BEFORE_YIELD = 32;

    private static final int CORES_FOR_WORKERS =
            Math.max(1, Runtime.getRuntime().availableProcessors() - 1); // one is the consumer's

    private final Queue<Batch> polled = new ConcurrentLinkedQueue<>();

    /** Tasks whose turn in their lane has come, one by one. */
    private final Queue<LaneTask> next = new ConcurrentLinkedQueue<>();

    /** Slots taken, by threads and by records whose results come later. */
    private final AtomicInteger slots = new AtomicInteger();

    /** Threads that look for ready records. */
    private final AtomicInteger workers = new AtomicInteger();

    /** Threads that have waited and want a slot back; they go before ready records. */
    private final Queue<Returning> returning = new ConcurrentLinkedQueue<>();

    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();

    private final int maxConcurrency;

    private final Executor executor;

    private final Handler handler;

    private final LongSupplier nanoTime;

    /** How long a record takes; begins above the line, as nothing is known. */
    private final AtomicLong averageNanos = new AtomicLong(2 * SLOW_NANOS);

    /** When a record was last claimed, about. Written without order: a late view only starts a worker too many. */
    private long claimedAt;

    private volatile boolean closed;

    /**
     * Makes a pool without a thread.
     *
     * @param maxConcurrency the number of slots
     * @param executor runs each task at once, on a thread that does nothing else meanwhile
     * @param handler handles the records
     * @param nanoTime a clock in nanoseconds
     */
    WorkerPool(int maxConcurrency, Executor executor, Handler handler, LongSupplier nanoTime) {
        this.maxConcurrency = maxConcurrency;
        this.executor = executor;
        this.handler = handler;
        this.nanoTime = nanoTime;
    }

    /**
     * Adds tasks that may run, and starts workers for them.
     *
     * @param tasks not to be changed any more
     */
    void submit(LaneTask... tasks) {
        if (tasks.length == 0) {
            return;
        }
        polled.add(new Batch(tasks));
        if (isSlow()) {
            for (int i = 0; i < tasks.length && startWorker(); i++) {}
        } else if (workers.get() == 0) {
            startWorker();
        }
    }

    /** Whether a record takes so long that starting a thread for it pays off. */
    boolean isSlow() {
        return averageNanos.get() > SLOW_NANOS;
    }

    /** Whether handling is so quick that one worker keeps up with the consumer, whatever lanes the records are on. */
    boolean isComputing() {
        return averageNanos.get() <= COMPUTING_NANOS;
    }

    /**
     * Starts one more worker if records wait, a slot is free and nothing has been claimed for a while: the way out when
     * a quick handler suddenly hangs. To be called every few milliseconds while {@link #hasBacklog}.
     */
    void nudge() {
        if (hasBacklog() && nanoTime.getAsLong() - claimedAt > BUSY_NANOS) {
            startWorker();
        }
    }

    /** Whether records wait although a slot is free. */
    boolean hasBacklog() {
        return slots.get() < maxConcurrency && hasReady();
    }

    private boolean hasReady() {
        if (!next.isEmpty()) {
            return true;
        }
        for (Batch batch : polled) {
            if (!batch.isClaimed()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Claims a task; null if there is none.
     *
     * @param nextFirst whether to look among those first whose turn in their lane has come
     */
    private @Nullable LaneTask claim(boolean nextFirst) {
        LaneTask task = nextFirst ? next.poll() : null;
        while (task == null) {
            Batch first = polled.peek();
            if (first == null) {
                return nextFirst ? null : next.poll();
            }
            task = first.claim();
            if (task == null) {
                polled.remove(first);
            }
        }
        return task;
    }

    /** Takes a task that may run, to be handled together with another one; null if none is ready. */
    @Nullable LaneTask takeReady() {
        return claim(true);
    }

    /** Ends the lane's wait for a record whose handling held it, and frees the record's slot if it held one. */
    void resumeLane(LaneTask task, boolean heldSlot) {
        LaneTask successor = task.finish();
        if (successor != null) {
            next.add(successor);
        }
        if (heldSlot) {
            releaseSlot();
        }
        startIfBacklog();
    }

    /**
     * Goes on with a record, whose handling held its lane, on a thread of the pool.
     *
     * @param holdsSlot whether the record held its slot too; else it gets one first
     * @param continuation says how the handling left it
     * @return false if there are no threads any more; then the continuation is not called and a slot held is free
     * @throws OutOfMemoryError if the JVM has no thread left; it leaves behind the same
     */
    boolean continueOnWorker(LaneTask task, boolean holdsSlot, Supplier<Result> continuation) {
        boolean accepted = false;
        try {
            accepted = isAccepted(() -> onThread(() -> goOn(task, holdsSlot, continuation)));
            return accepted;
        } finally {
            if (!accepted && holdsSlot) {
                releaseSlot();
            }
        }
    }

    private void goOn(LaneTask task, boolean holdsSlot, Supplier<Result> continuation) {
        if (!holdsSlot) {
            takeSlotAgain();
        } else {
            workers.incrementAndGet();
        }
        Result result = Result.BLOCKS_LANE;
        try {
            result = continuation.get();
        } finally {
            workers.decrementAndGet();
            if (result == Result.OVER) {
                resumeLane(task, true);
            } else {
                releaseSlot();
                startIfBacklog();
            }
        }
    }

    private boolean isAccepted(Runnable work) {
        try {
            executor.execute(work);
            return true;
        } catch (RejectedExecutionException e) {
            return false;
        }
    }

    /** Lets others use the slot of this worker while it waits; {@link #takeSlotAgain} must follow. */
    void leaveSlot() {
        workers.decrementAndGet();
        releaseSlot();
        startIfBacklog();
    }

    private void startIfBacklog() {
        if (hasBacklog()) {
            startWorker();
        }
    }

    /** Waits for a slot after {@link #leaveSlot}. An interrupt does not end the wait, but stays set. */
    void takeSlotAgain() {
        if (!takeSlot()) {
            awaitSlot();
        }
        workers.incrementAndGet();
    }

    private void awaitSlot() {
        Returning me = new Returning(Thread.currentThread());
        returning.add(me);
        // A slot that was released before the line above was seen by nobody.
        grantFreeSlot();
        boolean interrupted = false;
        while (!me.granted) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            me.thread.interrupt();
        }
    }

    /** Whether the calling thread is handling one of this pool's records. */
    boolean isWorkerThread() {
        return threads.contains(Thread.currentThread());
    }

    /**
     * Forgets an interrupt that user code has left set on this worker: it would cut short the waits of other records.
     * Not that of {@link #close}, which sets {@code closed} first.
     */
    void forgetInterrupt() {
        if (Thread.interrupted() && closed) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether the workers are to end. */
    boolean isClosed() {
        return closed;
    }

    /** Starts no more workers and interrupts those that run. */
    void close() {
        closed = true;
        threads.forEach(Thread::interrupt);
    }

    private boolean startWorker() {
        if (closed || !takeSlot()) {
            return false;
        }
        workers.incrementAndGet();
        try {
            executor.execute(() -> onThread(this::handleReady));
            return true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // The latter is how a JVM says that there are no more threads to be had. The caller may be a worker with a
            // record in hand; nudge() tries again.
            workers.decrementAndGet();
            releaseSlot();
            return false;
        }
    }

    private boolean takeSlot() {
        while (true) {
            int taken = slots.get();
            if (taken >= maxConcurrency) {
                return false;
            }
            if (slots.compareAndSet(taken, taken + 1)) {
                return true;
            }
        }
    }

    private void releaseSlot() {
        if (!grantToReturning()) {
            slots.decrementAndGet();
            grantFreeSlot();
        }
    }

    /** Gives a free slot to a thread that waits for one; without this, one that came a moment too late would hang. */
    private void grantFreeSlot() {
        while (!returning.isEmpty() && takeSlot()) {
            if (grantToReturning()) {
                return;
            }
            slots.decrementAndGet();
        }
    }

    /** Hands the caller's slot to a thread that waits for one, if there is such a thread. */
    private boolean grantToReturning() {
        Returning next = returning.poll();
        if (next == null) {
            return false;
        }
        next.granted = true;
        LockSupport.unpark(next.thread);
        return true;
    }

    private void onThread(Runnable work) {
        Thread thread = Thread.currentThread();
        threads.add(thread);
        HandlingThread.enter();
        try {
            work.run();
        } finally {
            HandlingThread.exit();
            threads.remove(thread);
        }
    }

    private void handleReady() {
        long now = nanoTime.getAsLong();
        long busySince = now;
        long average = averageNanos.get();
        int unreported = 0;
        long unreportedNanos = 0;
        long lingeredAt = now;
        for (int handled = 0; ; ) {
            LaneTask task = claim((handled & 1) == 0);
            if (task == null
                    && average <= SLOW_NANOS
                    && workers.get() == 1
                    && linger(Math.min(now - lingeredAt, LONGEST_LINGER_NANOS))) {
                now = nanoTime.getAsLong();
                lingeredAt = now;
                continue;
            }
            if (task == null) {
                average = report(unreported, unreportedNanos);
                unreported = 0;
                unreportedNanos = 0;
                workers.decrementAndGet();
                releaseSlot();
                // Who submitted a record and still saw this worker, or no free slot, relies on this second look.
                if (closed || !hasReady() || !takeSlot()) {
                    return;
                }
                workers.incrementAndGet();
                continue;
            }
            claimedAt = now;
            if (average > SLOW_NANOS) {
                startIfBacklog();
            } else if (now - busySince > BUSY_NANOS) {
                busySince = now;
                if (average > COMPUTING_NANOS || workers.get() < CORES_FOR_WORKERS) {
                    startIfBacklog();
                }
            }
            for (int turn = 0; task != null; ) {
                Result result = handler.handle(task, now);
                long end = nanoTime.getAsLong();
                unreportedNanos += Math.min(end - now, LONGEST_NANOS);
                int records = task.recordsInTurn();
                unreported += records;
                if (unreported >= AVERAGED || end - now > SLOW_NANOS) {
                    average = report(unreported, unreportedNanos);
                    unreported = 0;
                    unreportedNanos = 0;
                }
                handled++;
                turn += records;
                now = end;
                if (result == Result.HOLDS_SLOT && !takeSlot()) {
                    report(unreported, unreportedNanos);
                    workers.decrementAndGet();
                    // For who submitted a record, still saw this worker, and came after the slots had been given back.
                    startIfBacklog();
                    return;
                }
                if (result == Result.AGAIN) {
                    claimedAt = end; // the next record of a slice is as good as another task
                } else {
                    task = result == Result.OVER ? nextInLane(task, turn) : null;
                }
            }
            if (!returning.isEmpty() && grantToReturning()) {
                workers.decrementAndGet();
                return;
            }
        }
    }

    /**
     * Looks for records for a while before the worker ends: to start another one costs the consumer's thread more than
     * many records that do nothing. Returns whether there are some.
     */
    @SuppressWarnings("ThreadPriorityCheck") // a yield here is a matter of speed only
    private boolean linger(long nanos) {
        for (long spins = nanos / SPIN_NANOS; spins > 0 && returning.isEmpty() && !closed; spins--) {
            if (!polled.isEmpty() || !next.isEmpty()) {
                return true;
            }
            if (spins % SPINS_BEFORE_YIELD == 0) {
                Thread.yield(); // to whoever has been waiting for a core
            } else {
                Thread.onSpinWait();
            }
        }
        return false;
    }

    /**
     * Adds what a worker has seen to the average of all, with the weight of so many records: a worker that comes late
     * with one record must not replace what the others have learned from hundreds. Returns the average.
     */
    private long report(int records, long nanos) {
        return records == 0
                ? averageNanos.get()
                : averageNanos.accumulateAndGet(
                        nanos, (average, seen) -> average + (seen - records * average) / AVERAGED);
    }

    private @Nullable LaneTask nextInLane(LaneTask task, int turn) {
        LaneTask successor = task.inLane().finish();
        if (successor != null && (turn >= QUICK_TURNS || isSlow())) {
            next.add(successor);
            return null;
        }
        return successor;
    }

    /** The tasks that one poll made ready, of which each is claimed once. */
    private static final class Batch {

        private final LaneTask[] tasks;

        private final AtomicInteger claimed = new AtomicInteger();

        Batch(LaneTask[] tasks) {
            this.tasks = tasks;
        }

        boolean isClaimed() {
            return claimed.get() >= tasks.length;
        }

        @Nullable LaneTask claim() {
            if (isClaimed()) {
                return null; // without this the counter would go up and up
            }
            int index = claimed.getAndIncrement();
            return index < tasks.length ? tasks[index] : null;
        }
    }

    /** A thread that waits for a slot. */
    private static final class Returning {

        private final Thread thread;

        private volatile boolean granted;

        Returning(Thread thread) {
            this.thread = thread;
        }
    }
}
