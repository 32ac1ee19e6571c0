package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.flow.InFlightLimit;
import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;

/**
 * One run of a listener, from start to stop: what its consumers and its workers share.
 *
 * <p>Threading: safe for the consumers' threads and the workers.
 */
public final class ListenerRun {

    /** What holds now; the limits in it may be changed while it runs. */
    public volatile RunSettings settings;

    public final Room room;

    /** The room's limit of records, which everyone looks at. */
    public final InFlightLimit limit;

    public final Flight flight;

    /** The partitions assigned to all consumers of the run; a fair share is the limit divided by this. */
    public final AtomicInteger partitions = new AtomicInteger();

    /** How many records of all partitions are held up, as the consumers saw it last. */
    public final AtomicLong held = new AtomicLong();

    /** How many of these stand still. */
    public final AtomicLong standing = new AtomicLong();

    public final WorkerPool<LaneTask> workers;

    /** What is counted. */
    public final RunCounts metrics;

    /** The records that are being handled. */
    public final RunningRecords running = new RunningRecords();

    public final RunFailure failure = new RunFailure();

    public final LongSupplier nanoTime;

    /** What the workers do. */
    public final TaskHandler handler;

    /**
     * Makes a run.
     *
     * @param pollSize the most records that a poll of one consumer may bring
     * @param threads where workers come from
     * @param handlers makes what the workers do; the run has no workers yet
     * @param nanoTime the run's clock
     */
    public ListenerRun(
            RunSettings settings,
            int pollSize,
            Executor threads,
            Function<? super ListenerRun, ? extends TaskHandler> handlers,
            RunCounts metrics,
            LongSupplier nanoTime) {
        this.settings = settings;
        this.room = new Room(settings, pollSize);
        this.limit = room.limit;
        this.metrics = metrics;
        this.nanoTime = nanoTime;
        this.flight = new Flight(room, metrics, running, nanoTime);
        this.handler = handlers.apply(this);
        this.workers = new WorkerPool<>(
                settings.maxConcurrency(), work -> threads.execute(() -> work(work)), handler, nanoTime);
    }

    private void work(Runnable worker) {
        try {
            worker.run();
        } finally {
            running.workerEnds();
        }
    }

    /**
     * Takes in other limits while it goes on.
     *
     * @param changed with the same kinds of limits as before, but for one by partition instead of fair shares
     * @param pollSize the most records that a poll of one consumer may bring now
     */
    public void change(RunSettings changed, int pollSize) {
        settings = changed;
        room.change(changed, pollSize);
        workers.setMaxConcurrency(changed.maxConcurrency());
        room.changed();
    }

    /** What the time of all present consumers has gone into, in nanoseconds by kind. */
    public long[] times(long now) {
        long[] times = new long[TimeShares.KINDS];
        room.consumers().forEach(consumer -> consumer.times.addTotals(times, now));
        return times;
    }

    /** Makes the loops of all consumers look at what they have been asked. */
    public void wakeLoops() {
        room.consumers().forEach(ConsumerLink::wakeLoop);
    }
}
