package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.overload.Ticket;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Cuts batches from lanes. A batch begins with a record that may run, and goes on with those that wait for it in its
 * lane: they would run next anyway, and nobody else can take them. In {@code partition} order that is all. In the other
 * orders, whose lanes are short, more records that may run are taken with it, each with its lane; so a batch holds many
 * keys, but no key is in two batches.
 *
 * <p>While a batch waits for {@code batch-linger}, records of the other orders that become ready join it. Those that make
 * a batch of their own do not wait.
 *
 * <p>Threading: the workers.
 */
final class BatchCollector {

    private static final int LARGEST_DEFAULT_SIZE = 500;

    /**
     * The number of batches that records in flight are shared among by default, however many virtual threads there are.
     */
    private static final int MOST_SHARES = 16;

    /** How often a batch that waits looks for more; what becomes ready in a lane has no signal. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final ListenerRun run;

    private final boolean oneLane;

    private final long lingerNanos;

    /** Whether a batch of many lanes waits for more. */
    private final AtomicBoolean lingering = new AtomicBoolean();

    /** Records that join the batch that waits; started ones, each the first of its lane. */
    private final Queue<RecordTask> joining = new ConcurrentLinkedQueue<>();

    /** How many they are, or a few more. */
    private final AtomicInteger joined = new AtomicInteger();

    BatchCollector(ListenerRun run) {
        this.run = run;
        this.oneLane = run.settings.ordering() == Ordering.PARTITION;
        this.lingerNanos = run.settings.batchLinger().toNanos();
    }

    /**
     * Cuts a batch.
     *
     * @param head a record that has been started
     * @param late takes a started record that came too late for a batch, to call this with it once more; says whether
     *     that is going to happen
     * @return the records, all started, each lane's in order; null if the record has joined another worker's batch
     */
    @Nullable List<RecordTask> collect(RecordTask head, Predicate<RecordTask> late) {
        int limit = limit();
        if (oneLane || lingerNanos == 0) {
            List<RecordTask> batch = new ArrayList<>();
            addLane(batch, head, limit);
            if (!oneLane) {
                addReady(batch, limit);
            } else if (lingerNanos > 0) {
                linger(batch, limit);
            }
            return batch;
        }
        joining.add(head);
        if (joined.incrementAndGet() >= limit) {
            List<RecordTask> full = new ArrayList<>();
            addJoining(full, limit);
            return full.isEmpty() ? null : full;
        }
        if (!lingering.compareAndSet(false, true)) {
            // The one that lingers takes it: if not into its batch, then when it looks once more after that.
            return null;
        }
        List<RecordTask> batch = new ArrayList<>();
        linger(batch, limit);
        lingering.set(false);
        // Who saw the flag before this line has joined before it too, so it is seen here. One record is enough to have
        // the
        // rest looked at, which may be many: it joins them again.
        RecordTask first = takeJoining();
        while (first != null && !late.test(first)) {
            first = takeJoining(); // nobody handles records any more
        }
        return batch.isEmpty() ? null : batch; // its first record may have been taken by the one before
    }

    private int limit() {
        if (run.settings.batchSize() > 0) {
            return run.settings.batchSize();
        }
        if (oneLane) {
            return LARGEST_DEFAULT_SIZE;
        }
        long shares = Math.min(run.settings.maxConcurrency(), MOST_SHARES);
        // A batch that waits is for what may come, and not only for what has come so far.
        long shared = lingerNanos > 0 ? run.limit.limit() : run.limit.inFlight();
        return (int) Math.max(1, Math.min(LARGEST_DEFAULT_SIZE, (shared + shares - 1) / shares));
    }

    private void linger(List<RecordTask> batch, int limit) {
        long end = run.nanoTime.getAsLong() + lingerNanos;
        run.workers.leaveSlot();
        try {
            while (true) {
                if (!batch.isEmpty()) {
                    RecordTask last = batch.get(batch.size() - 1);
                    addWaiting(batch, last, limit);
                }
                addJoining(batch, limit);
                long left = end - run.nanoTime.getAsLong();
                if (batch.size() >= limit
                        || left <= 0
                        || Thread.currentThread().isInterrupted()
                        || batch.stream().anyMatch(RecordTask::isOver)) {
                    return;
                }
                LockSupport.parkNanos(this, Math.min(left, LOOK_NANOS));
            }
        } finally {
            run.workers.takeSlotAgain();
        }
    }

    private void addJoining(List<RecordTask> batch, int limit) {
        while (batch.size() < limit) {
            RecordTask task = takeJoining();
            if (task == null) {
                return;
            }
            addLane(batch, task, limit);
        }
    }

    private @Nullable RecordTask takeJoining() {
        RecordTask task = joining.poll();
        if (task != null) {
            joined.decrementAndGet();
        }
        return task;
    }

    private void addReady(List<RecordTask> batch, int limit) {
        while (batch.size() < limit) {
            RecordTask task = takeReady();
            if (task == null) {
                return;
            }
            if (start(task)) {
                addLane(batch, task, limit);
            } else {
                run.flight.takeBack(task);
                run.workers.resumeLane(task, null);
            }
        }
    }

    /** A task that a worker may start; null if there is none. */
    private @Nullable RecordTask takeReady() {
        while (true) {
            LaneTask task = run.workers.takeReady();
            if (!(task instanceof Ticket ticket)) {
                return (RecordTask) task; // batch listeners have no slices
            }
            RecordTask taken = ticket.take(run.nanoTime.getAsLong());
            if (taken != null) {
                return taken;
            }
        }
    }

    private void addLane(List<RecordTask> batch, RecordTask head, int limit) {
        batch.add(head);
        addWaiting(batch, head, limit);
    }

    /** Adds what waits behind a record of the batch in its lane, as far as it belongs to the same assignment. */
    private void addWaiting(List<RecordTask> batch, RecordTask last, int limit) {
        RecordTask task = last;
        while (batch.size() < limit) {
            RecordTask next = (RecordTask) task.takeSuccessor();
            if (next == null || next.partition != task.partition) {
                return;
            }
            if (!start(next)) {
                next.notStarted();
                return;
            }
            batch.add(next);
            task = next;
        }
    }

    private boolean start(RecordTask task) {
        if (task.isDropped() || !task.partition.inFlight.start()) {
            return false;
        }
        run.metrics.started(task.waited(run.nanoTime.getAsLong()));
        return true;
    }
}
