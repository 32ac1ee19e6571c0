package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.flow.InFlightLimit;
import io.github.kafkabackpressure.flow.PartitionInFlight;
import io.github.kafkabackpressure.flow.SharedWatermarks;
import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.flow.Watermarks;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import io.github.kafkabackpressure.listener.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.progress.Slice;
import io.github.kafkabackpressure.work.Slot;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.MessageListenerContainer;

/**
 * One run of a listener, from start to stop: what its consumers share, and what a worker does with a record.
 *
 * <p>Threading: safe for the consumers' threads and the workers.
 */
final class ListenerRun implements WorkerPool.Handler<LaneTask> {

    /** The shortest time from asking an error handler to the next attempt. */
    static final Duration LEAST_RETRY_DELAY = Duration.ofMillis(10);

    /** How often a retry looks whether a paused container has been resumed. */
    static final Duration PAUSE_CHECK = Duration.ofMillis(50);

    /** Records of a slice that a worker handles before it looks at the clock, which costs as much as a quick record. */
    private static final int RECORDS_IN_TURN = 8;

    /** What holds now; the limits in it may be changed while it runs. */
    volatile ListenerOptions options;

    final InFlightLimit limit;

    /** The watermarks of {@code max-in-flight-bytes}; null without such a limit, and then bytes are not counted. */
    final @Nullable SharedWatermarks byteMarks;

    /** The watermarks of {@code max-in-flight-per-partition}; null without it, and then shares are fair. */
    volatile @Nullable Watermarks partitionMarks;

    /** How often limits have been changed: what hangs on them must be looked at anew. */
    final AtomicInteger changes = new AtomicInteger();

    final AtomicLong bytesInFlight = new AtomicLong();

    /** The partitions assigned to all consumers of the run; a fair share is the limit divided by this. */
    final AtomicInteger partitions = new AtomicInteger();

    /** How many records of all partitions are held up, as the consumers saw it last. */
    final AtomicLong held = new AtomicLong();

    /** How many of these stand still. */
    final AtomicLong standing = new AtomicLong();

    final WorkerPool<LaneTask> workers;

    /** What is counted. */
    final ListenerStats metrics;

    /** The records that are being handled. */
    final RunningRecords running = new RunningRecords();

    /** What has been going on lately. */
    final RecentActivity activity;

    final LongSupplier nanoTime;

    /** The most records that a poll of one consumer may bring; what Kafka's brings beyond that is held back. */
    volatile int pollSize;

    /** The most records that a poll of one of Kafka's consumers may bring. */
    final int kafkasPollSize;

    private final Executor executor;

    /** What the listener tells of its load. */
    final LoadSigns signs;

    /** What else than a pause answers overload; null if nothing does. */
    final @Nullable Overload overload;

    private final Invoker invoker;

    private final Invoker.@Nullable OfSlices ofSlices;

    private final List<Assignment> assignments = new CopyOnWriteArrayList<>();

    private volatile @Nullable Throwable failure;

    private final CompletableFuture<@Nullable Void> closed = new CompletableFuture<>();

    ListenerRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Invoker.Factory invokers,
            ListenerMetrics metrics,
            LongSupplier nanoTime) {
        this(options, pollSize, executor, invokers, metrics, nanoTime, LoadSigns.none(), run -> null);
    }

    ListenerRun(
            ListenerOptions options,
            int pollSize,
            Executor executor,
            Invoker.Factory invokers,
            ListenerMetrics metrics,
            LongSupplier nanoTime,
            LoadSigns signs,
            Overload.Factory overloads) {
        this.options = options;
        this.pollSize = pollSize;
        this.kafkasPollSize = pollSize;
        this.limit = new InFlightLimit(Watermarks.of(options.maxInFlight(), options.resumeAt()));
        this.byteMarks = options.maxInFlightBytes() > 0
                ? new SharedWatermarks(Watermarks.of(options.maxInFlightBytes(), options.resumeAt()))
                : null;
        this.partitionMarks = partitionMarks(options);
        this.executor = executor;
        this.metrics = metrics instanceof ListenerStats stats ? stats : new ListenerStats(metrics);
        this.nanoTime = nanoTime;
        this.workers = new WorkerPool<>(options.maxConcurrency(), this::execute, this, nanoTime);
        this.activity = new RecentActivity(this);
        this.invoker = invokers.create(this);
        this.signs = signs;
        this.overload = overloads.create(this);
        this.ofSlices = overload == null ? invoker.ofSlices() : null; // each record is to be decided about
    }

    private static @Nullable Watermarks partitionMarks(ListenerOptions options) {
        return options.maxInFlightPerPartition() > 0
                ? Watermarks.of(options.maxInFlightPerPartition(), options.resumeAt())
                : null;
    }

    /**
     * Takes in other limits while it goes on. What is in flight beyond them stays so; nothing more comes before there is room.
     *
     * @param changed with the same kinds of limits as before, but for one by partition instead of fair shares
     * @param size the most records that a poll of one consumer may bring now
     */
    void change(ListenerOptions changed, int size) {
        options = changed;
        pollSize = Math.min(size, kafkasPollSize);
        partitionMarks = partitionMarks(changed);
        if (byteMarks != null) {
            byteMarks.change(Watermarks.of(changed.maxInFlightBytes(), changed.resumeAt()));
        }
        limit.change(Watermarks.of(changed.maxInFlight(), changed.resumeAt()));
        workers.setMaxConcurrency(changed.maxConcurrency());
        changes.incrementAndGet();
        for (Assignment assignment : assignments) {
            assignment.gate.signal();
        }
    }

    private void execute(Runnable work) {
        executor.execute(() -> {
            try {
                work.run();
            } finally {
                running.workerEnds();
            }
        });
    }

    void add(Assignment assignment) {
        assignments.add(assignment);
    }

    void remove(Assignment assignment) {
        assignments.remove(assignment);
    }

    /** What the time of all present consumers has gone into, in nanoseconds by kind. */
    long[] times(long now) {
        long[] times = new long[TimeShares.KINDS];
        assignments.forEach(assignment -> assignment.times.addTotals(times, now));
        return times;
    }

    /** Takes in what may be why the run ends. */
    void failedBy(Throwable cause) {
        failure = cause;
    }

    /** Takes in that something was not why the run ends. */
    void hasRecoveredFrom(Throwable cause) {
        if (failure == cause) {
            failure = null;
        }
    }

    /** Why the run ends, if not because somebody stops it; null if that is not known. */
    @Nullable Throwable failure() {
        return failure;
    }

    List<Assignment> assignments() {
        return assignments;
    }

    @Override
    public WorkerPool.Result handle(LaneTask claimed, long begun) {
        LaneTask task = claimed;
        if (claimed instanceof Ticket ticket) {
            task = ticket.take(begun);
            if (task == null) {
                return WorkerPool.Result.OVER;
            }
        }
        RunningRecords.Place place = running.place();
        if (task instanceof WaitingRecord waiting) {
            place.begin(waiting.inLane(), waiting.begun());
        } else {
            place.begin(task, begun);
        }
        try {
            if (task instanceof RecordTask record) {
                return handle(record, begun);
            }
            return task instanceof RecordSlice slice ? handleTurn(slice, begun) : ((WaitingRecord) task).goOn();
        } finally {
            place.end();
        }
    }

    @Override
    public @Nullable LaneTask endTurn(LaneTask task) {
        return task.inLane().finish();
    }

    @Override
    public int recordsInTurn(LaneTask task) {
        return task.recordsInTurn();
    }

    private WorkerPool.Result handle(RecordTask task, long begun) {
        if (task.isDropped() || !task.partition.inFlight.start()) {
            drop(task);
            return WorkerPool.Result.OVER;
        }
        metrics.started(waited(task.queuedAt, begun));
        try {
            return invoker.invoke(task, begun);
        } catch (Throwable e) {
            return failed(task, begun, e);
        }
    }

    /**
     * Goes on with a record, whose handling held its lane, on a thread of the pool; what is called by no consumer and no
     * worker has nobody else who would see an Error.
     *
     * @param begun when the handling began, in nanoseconds
     * @param slot the slot that the record held, which goes over to the thread; null if it gets one first
     * @param continuation says how the handling left it
     * @return false if there are no threads any more; then the continuation is not called
     */
    boolean continueOnWorker(
            RecordTask task, long begun, @Nullable Slot slot, Supplier<WorkerPool.Result> continuation) {
        try {
            return workers.continueOnWorker(task, slot, () -> {
                RunningRecords.Place place = running.place();
                place.begin(task, begun);
                try {
                    return continuation.get();
                } finally {
                    place.end();
                }
            });
        } catch (OutOfMemoryError e) {
            task.partition.owner.fail(e);
            return false;
        }
    }

    /** Whether records may come in slices. */
    boolean takesSlices() {
        return ofSlices != null;
    }

    private WorkerPool.Result handleTurn(RecordSlice slice, long begun) {
        slice.inTurn = 0;
        if (slice.running < 0 && !begin(slice, begun)) {
            return WorkerPool.Result.OVER;
        }
        if (metrics.wantsRecords()) {
            return handleNext(slice, begun); // as the time of each record is needed
        }
        WorkerPool.Result result;
        do {
            result = handleNext(slice, begun);
        } while (result == WorkerPool.Result.AGAIN && slice.inTurn < RECORDS_IN_TURN);
        return result;
    }

    private WorkerPool.Result handleNext(RecordSlice slice, long begun) {
        slice.inTurn++;
        ConsumerRecord<?, ?> record = slice.record(slice.running);
        Signal.Failed failure;
        try {
            if (metrics.wantsRecords()) {
                metrics.started(waited(slice.queuedAt, begun));
            }
            failure = requireOfSlices().attempt(slice.partition, record);
        } catch (Throwable e) {
            slice.partition.owner.fail(e); // first: what follows needs memory, which may be what has run out
            return failed(leaveSlice(slice), begun, e);
        }
        if (failure != null) {
            RecordTask task = leaveSlice(slice);
            try {
                return requireOfSlices().conclude(task, begun, failure);
            } catch (Throwable e) {
                return failed(task, begun, e);
            }
        }
        slice.countFinished();
        int next = slice.claim(slice.isAccountingDue(begun));
        if (next == Slice.BROKEN_UP) {
            countStart(slice, begun);
            finished(current(slice), RecordOutcome.HANDLED, begun);
            return WorkerPool.Result.OVER;
        }
        if (metrics.wantsRecords()) {
            metrics.finished(RecordOutcome.HANDLED, nanoTime.getAsLong() - begun);
        }
        int finished = slice.toAccount();
        if (finished > 0) {
            slice.countAnew(begun);
            if (!metrics.wantsRecords()) {
                long now = nanoTime.getAsLong();
                count(slice, finished, slice.measuredAt, now);
                slice.measuredAt = now;
            }
            boolean over = next == Slice.OVER;
            int from = slice.running + 1 - finished;
            PartitionInFlight inFlight = slice.partition.inFlight;
            leftFlight(slice, from, finished, over ? inFlight.finish(finished) : inFlight.leave(finished));
        }
        if (next == Slice.OVER) {
            slice.running = next;
            return WorkerPool.Result.OVER;
        }
        if (slice.partition.inFlight.isClosed()) { // and the slice could not be broken up: something threw
            leftFlight(slice, next, 1, slice.partition.inFlight.finish(1));
            return WorkerPool.Result.OVER;
        }
        slice.running = next;
        return WorkerPool.Result.AGAIN;
    }

    /** Claims the first record of a slice; false if there is nothing to run. */
    private boolean begin(RecordSlice slice, long begun) {
        int first = slice.claim(false);
        if (first == Slice.BROKEN_UP) {
            return false; // it only holds its place in the lane
        }
        if (!slice.partition.inFlight.start()) {
            // Who ends an assignment breaks up its slices first, so it is broken up.
            slice.partition.owner.dropped(current(slice));
            return false;
        }
        slice.running = first;
        slice.measuredAt = begun;
        slice.countAnew(begun);
        return true;
    }

    /** Makes the record that runs a task of its own, and the rest of its slice the consumer's. */
    private RecordTask leaveSlice(RecordSlice slice) {
        countStart(slice, slice.measuredAt);
        int finished = slice.breakUp(Slice.Side.WORKER);
        if (finished >= 0) {
            leaveFlight(slice, finished);
            slice.partition.owner.wakeToHandOut();
        }
        return current(slice);
    }

    private static RecordTask current(RecordSlice slice) {
        return (RecordTask) Objects.requireNonNull(slice.current(), "a record has been claimed");
    }

    /** Takes finished records out of flight that the one that broke up their slice has to account for. */
    void leaveFlight(RecordSlice slice, int finished) {
        if (finished > 0) {
            if (!metrics.wantsRecords()) {
                count(slice, finished, slice.movedAt, slice.movedAt); // too quick to be worth telling
            }
            leftFlight(slice, slice.finished() - finished, finished, slice.partition.inFlight.leave(finished));
        }
    }

    private void count(RecordSlice slice, int finished, long from, long to) {
        metrics.waited(waited(slice.queuedAt, from), finished);
        metrics.finished(RecordOutcome.HANDLED, (to - from) / finished, finished);
    }

    /** Counts the start of a record that leaves its slice. */
    private void countStart(RecordSlice slice, long begun) {
        if (!metrics.wantsRecords()) {
            metrics.waited(waited(slice.queuedAt, begun), 1);
        }
    }

    private void leftFlight(RecordSlice slice, int from, int finished, int left) {
        PartitionWork partition = slice.partition;
        limit.release(left);
        if (byteMarks != null) {
            removeBytes(partition, slice.bytes(from, from + finished));
        }
        wake(partition, partition.inFlight.inFlight());
    }

    /** Takes bytes out of flight. */
    private void removeBytes(PartitionWork partition, long bytes) {
        if (partition.removeBytes(bytes)) {
            bytesInFlight.addAndGet(-bytes);
        }
    }

    private Invoker.OfSlices requireOfSlices() {
        return Objects.requireNonNull(ofSlices, "no slices are made");
    }

    /** Ends the handling of a record by what no handler may see; even an Error stops the container by its consumer. */
    WorkerPool.Result failed(RecordTask task, long begun, Throwable cause) {
        task.partition.owner.fail(cause);
        unfinished(task, begun);
        return WorkerPool.Result.BLOCKS_LANE;
    }

    /** Takes a record out of flight that needs no further handling. Its lane goes on by the worker or by the pool. */
    void finished(RecordTask task, RecordOutcome outcome, long begun) {
        task.handled = true;
        PartitionWork partition = task.partition;
        // In this order: a drain that finds nothing running any more must find all that ran in the mailbox.
        partition.owner.mailbox.put(task);
        leftFlight(task, outcome, begun, partition.inFlight.finish());
    }

    /** Takes a started record out of flight that will not be handled, and need not be. */
    void dropped(RecordTask task) {
        task.handled = true;
        PartitionWork partition = task.partition;
        partition.owner.mailbox.put(task);
        leftFlight(task, partition.inFlight.finish());
    }

    /** A task that a worker may start, to be handled together with another one; null if there is none. */
    @Nullable RecordTask takeReady() {
        while (true) {
            LaneTask task = workers.takeReady();
            if (!(task instanceof Ticket ticket)) {
                return (RecordTask) task; // batch listeners have no slices
            }
            RecordTask taken = ticket.take(nanoTime.getAsLong());
            if (taken != null) {
                return taken;
            }
        }
    }

    /** Takes a record out of flight that was not finished: nothing past it in its partition is committed. */
    void unfinished(RecordTask task, long begun) {
        leftFlight(task, RecordOutcome.UNFINISHED, begun, task.partition.inFlight.finish());
    }

    /** Takes back a queued record that will not be handled: its partition is gone, or a seek has dropped it. */
    void drop(RecordTask task) {
        task.partition.owner.dropped(task);
        leaveFlight(task);
    }

    /** Takes a record out of flight that was never started, unless its partition's end has done so. */
    void leaveFlight(RecordTask task) {
        PartitionWork partition = task.partition;
        if (partition.inFlight.leave(1) > 0) {
            limit.release(1);
            if (byteMarks != null) {
                removeBytes(partition, bytes(task.record));
            }
            wake(partition, partition.inFlight.inFlight());
        }
    }

    /** Gives up on a record that will not be handled here any more. Its lane goes on, as new records may be on it. */
    WorkerPool.Result abandoned(RecordTask task, long begun) {
        running.goesOn(task);
        unfinished(task, begun);
        if (!task.isOver()) {
            return WorkerPool.Result.BLOCKS_LANE;
        }
        task.partition.owner.mailbox.put(task);
        return WorkerPool.Result.OVER;
    }

    private void leftFlight(RecordTask task, RecordOutcome outcome, long begun, int left) {
        metrics.finished(outcome, nanoTime.getAsLong() - begun);
        leftFlight(task, left);
    }

    private void leftFlight(RecordTask task, int left) {
        PartitionWork partition = task.partition;
        limit.release(1);
        if (byteMarks != null) {
            removeBytes(partition, bytes(task.record));
        }
        wake(partition, left);
    }

    /** Counts the bytes of a record in, if they are counted. */
    void addBytes(PartitionWork partition, ConsumerRecord<?, ?> record) {
        if (byteMarks != null) {
            long bytes = bytes(record);
            partition.addBytes(bytes);
            bytesInFlight.addAndGet(bytes);
        }
    }

    private void wake(PartitionWork partition, int left) {
        partition.owner.wakeIfWanted(partition, left);
        wakeIfRoom();
    }

    /** Wakes the consumers that wait for room if there is enough. To be called after some was made. */
    void wakeIfRoom() {
        if (limit.shouldWakeWaiting(pollSize) || (byteMarks != null && byteMarks.resumesAt(bytesInFlight.get()))) {
            wakeWaiting();
        }
    }

    /**
     * Lets a worker sleep between two attempts, in steps, so that a revoke or a stop does not wait for a long back-off.
     * An interrupt ends it and stays set.
     *
     * @param condition whether to sleep on
     */
    void sleepWhile(BooleanSupplier condition, Duration time) {
        WaitsFor before = running.waitsFor(WaitsFor.BACK_OFF);
        try {
            sleepInStepsWhile(condition, time);
        } finally {
            running.waitsFor(before);
        }
    }

    private void sleepInStepsWhile(BooleanSupplier condition, Duration time) {
        long nanos = Nanos.of(time);
        long end = nanoTime.getAsLong() + nanos;
        try {
            for (long left = nanos; left > 0 && condition.getAsBoolean(); left = end - nanoTime.getAsLong()) {
                Thread.sleep(Math.min(100, left / 1_000_000 + 1));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** As {@link #sleepWhile}, and leaves the worker's slot to others; a further attempt has to take one again. */
    void sleepWithoutSlotWhile(BooleanSupplier condition, Duration time) {
        workers.leaveSlot();
        sleepWhile(condition, time);
    }

    /**
     * Lets a worker wait for the end of an attempt whose method has returned. Only the end of the workers cuts that short.
     *
     * @param holdsSlot whether something runs for the attempt, so that the worker's slot is not for others meanwhile;
     *     else it is left to them, and a further attempt has to take one again
     * @return null if the workers end
     */
    @Nullable Signal await(RecordAcknowledgment acknowledgment, boolean holdsSlot) {
        WaitsFor before = running.waitsFor(holdsSlot ? WaitsFor.RESULT : WaitsFor.ACKNOWLEDGMENT);
        if (!holdsSlot && acknowledgment.signal() == null) {
            workers.leaveSlot();
        }
        try {
            Signal signal;
            do {
                workers.forgetInterrupt();
                signal = acknowledgment.await();
            } while (signal == null && !workers.isClosed());
            return signal;
        } finally {
            running.waitsFor(before);
        }
    }

    /**
     * Lets a worker wait for what an error handler left of the time between two attempts. It may have refused to
     * recover without any delay, and must not be asked again in a hot loop; and it may have paused the container for
     * the time of its back-off, and while a container is paused nothing comes again.
     *
     * @param condition whether to wait on
     * @param asked when the error handler was asked, in nanoseconds
     */
    void awaitRetryWhile(BooleanSupplier condition, long asked, MessageListenerContainer container) {
        sleepWhile(condition, LEAST_RETRY_DELAY.minusNanos(nanoTime.getAsLong() - asked));
        while (container.isPauseRequested()
                && condition.getAsBoolean()
                && !Thread.currentThread().isInterrupted()) {
            sleepWhile(condition, PAUSE_CHECK);
        }
    }

    /** Waits, looking now and then, until nothing is in flight; an interrupt ends it and stays set. */
    boolean awaitNothingInFlight(Duration timeout) {
        sleepInStepsWhile(() -> limit.inFlight() > 0, timeout);
        return limit.inFlight() == 0;
    }

    /** Wakes the consumers that wait for room. */
    void wakeWaiting() {
        for (Assignment assignment : assignments) {
            assignment.wakeIfWaiting();
        }
    }

    /** Makes the loops of all consumers look at what they have been asked. */
    void wakeLoops() {
        for (Assignment assignment : assignments) {
            assignment.wakeLoop();
        }
    }

    /** Whether some partitions have records in flight. */
    boolean isInFlight(Collection<TopicPartition> partitions) {
        for (Assignment assignment : assignments) {
            for (PartitionWork work : assignment.works()) {
                if (work.inFlight.inFlight() > 0 && partitions.contains(work.partition)) {
                    return true;
                }
            }
        }
        return false;
    }

    static long bytes(ConsumerRecord<?, ?> record) {
        return Math.max(0, record.serializedKeySize()) + (long) Math.max(0, record.serializedValueSize());
    }

    /** Nanoseconds from then to now; a worker may have looked at the clock before the record was there. */
    static long waited(long queuedAt, long now) {
        return Math.max(0, now - queuedAt);
    }

    /** Ends the workers; those that still handle a record are interrupted. */
    void close() {
        workers.close();
        if (overload != null) {
            overload.close();
        }
        signs.end();
        if (executor instanceof ExecutorService service) {
            service.shutdownNow();
        }
        closed.complete(null);
    }

    /** Runs something once {@link #close} is done: at once if it is. */
    @SuppressWarnings("FutureReturnValueIgnored") // an action that throws is nobody else's
    void whenClosed(Runnable action) {
        closed.whenComplete((nothing, failure) -> action.run());
    }
}
