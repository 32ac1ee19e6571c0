package io.github.kafkabackpressure.work;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * As many slots as records may be handled at the same moment. Threads that wait for one come before ready records.
 *
 * <p>Threading: safe for all.
 */
final class Slots implements Slot.Rack {

    private volatile int most;

    /** Called after a slot was freed that nobody waits for. */
    private final Runnable whenFreed;

    private final AtomicInteger taken = new AtomicInteger();

    private final Queue<Waiting> waiting = new ConcurrentLinkedQueue<>();

    Slots(int most, Runnable whenFreed) {
        this.most = most;
        this.whenFreed = whenFreed;
    }

    /** Sets how many there are. Those taken beyond that go as they are freed. */
    void change(int slots) {
        most = slots;
        grantFree();
    }

    /** Whether more are taken than there are. */
    boolean areTooMany() {
        return taken.get() > most;
    }

    boolean hasFree() {
        return taken.get() < most;
    }

    /** Whether a thread waits for a slot. */
    boolean areWaitedFor() {
        return !waiting.isEmpty();
    }

    /** Takes a slot; null if there is none. */
    @Nullable Slot tryTake() {
        return count() ? new Slot(this) : null;
    }

    /**
     * Takes a slot and waits for one. An interrupt does not end the wait, but stays set.
     *
     * @param condition whether to wait on, which is looked at after each {@link #lookAgain}
     * @return null if there is no slot and the condition is no longer true
     */
    @Nullable Slot takeWhile(BooleanSupplier condition) {
        Slot free = tryTake();
        if (free != null) {
            return free;
        }
        Waiting me = new Waiting(Thread.currentThread());
        waiting.add(me);
        // A slot that was released before the line above was seen by nobody.
        grantFree();
        boolean interrupted = false;
        while (me.isWaiting()) {
            if (!condition.getAsBoolean() && me.giveUp()) {
                waiting.remove(me);
                break;
            }
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            me.thread.interrupt();
        }
        return me.granted();
    }

    /** Has those that wait look whether they should wait on. */
    void lookAgain() {
        waiting.forEach(each -> LockSupport.unpark(each.thread));
    }

    /** Counts a slot as taken if one is free. */
    private boolean count() {
        while (true) {
            int now = taken.get();
            if (now >= most) {
                return false;
            }
            if (taken.compareAndSet(now, now + 1)) {
                return true;
            }
        }
    }

    @Override
    public void release() {
        if (areTooMany() || !grant()) {
            taken.decrementAndGet();
            grantFree();
        }
    }

    @Override
    public void freed() {
        whenFreed.run();
    }

    /** Gives a free slot to a thread that waits for one; without this, one that came a moment too late would hang. */
    private void grantFree() {
        while (!waiting.isEmpty() && count()) {
            if (grant()) {
                return;
            }
            taken.decrementAndGet();
        }
    }

    /** Hands a slot that is counted to a thread that waits for one, if there is such a thread. */
    private boolean grant() {
        for (Waiting next = waiting.poll(); next != null; next = waiting.poll()) {
            if (next.grant(new Slot(this))) {
                return true;
            }
        }
        return false;
    }

    /** A thread that waits for a slot, and either gets one or gives up. */
    private static final class Waiting {

        private static final Object GIVEN_UP = new Object();

        private final Thread thread;

        /** Null while it waits, then the slot or {@link #GIVEN_UP}. */
        private final AtomicReference<@Nullable Object> end = new AtomicReference<>();

        Waiting(Thread thread) {
            this.thread = thread;
        }

        boolean isWaiting() {
            return end.get() == null;
        }

        boolean grant(Slot slot) {
            if (!end.compareAndSet(null, slot)) {
                return false;
            }
            LockSupport.unpark(thread);
            return true;
        }

        boolean giveUp() {
            return end.compareAndSet(null, GIVEN_UP);
        }

        @Nullable Slot granted() {
            return end.get() instanceof Slot slot ? slot : null;
        }
    }
}
