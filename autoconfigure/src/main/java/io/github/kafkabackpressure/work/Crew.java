package io.github.kafkabackpressure.work;

import io.github.kafkabackpressure.work.Pace.Speed;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * What the workers of a pool have in common: the tasks that are ready, the slots, the pace, how many they are, and
 * whether one more is needed.
 *
 * <p>Threading: safe for all.
 */
final class Crew<T> {

    /** How long a worker may be busy without a break, or without claiming a record, before another one is started. */
    static final long BUSY_NANOS = 500_000;

    final ReadyTasks<T> ready = new ReadyTasks<>();

    final Slots slots;

    final Pace pace = new Pace();

    final LongSupplier nanoTime;

    /** Whether a worker that has run out of records has something else to do than to wait for more. */
    final BooleanSupplier endsLingering;

    private final Runnable startWorker;

    /** Workers that hold a slot, those included whose threads are only about to start. */
    private final AtomicInteger working = new AtomicInteger();

    /** When a record was last claimed, about. Written without order: a late view only starts a worker too many. */
    private long claimedAt;

    private volatile boolean closed;

    /** @param startWorker starts one more worker if a slot is free */
    Crew(int maxConcurrency, LongSupplier nanoTime, Runnable startWorker) {
        this.slots = new Slots(maxConcurrency, this::startIfBacklog);
        this.nanoTime = nanoTime;
        this.startWorker = startWorker;
        this.endsLingering = () -> ready.mayHaveSome() || slots.areWaitedFor() || isClosed();
    }

    /** Whether records wait although a slot is free. */
    boolean hasBacklog() {
        return slots.hasFree() && !ready.isEmpty();
    }

    void startIfBacklog() {
        if (hasBacklog()) {
            startWorker.run();
        }
    }

    boolean isSlow() {
        return pace.speed() == Speed.SLOW;
    }

    /** How many workers hold a slot. */
    int working() {
        return working.get();
    }

    void cameToWork() {
        working.incrementAndGet();
    }

    void leftWork() {
        working.decrementAndGet();
    }

    void claimed(long now) {
        claimedAt = now;
    }

    /** Whether nothing has been claimed for so long that whoever should have may hang. */
    boolean hasNotClaimedForLong() {
        return nanoTime.getAsLong() - claimedAt > BUSY_NANOS;
    }

    boolean isClosed() {
        return closed;
    }

    void close() {
        closed = true;
    }
}
