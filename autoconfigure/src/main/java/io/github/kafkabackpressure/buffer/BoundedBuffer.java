package io.github.kafkabackpressure.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.buffer.RoomQueue.Waiter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The records that were accepted and not yet handed to Kafka's producer, in the order in which they were accepted.
 * Knows its limits, what to drop for what, when a batch is due, and how full it is; never calls foreign code under its
 * lock. Some of what was taken may be set aside again: it counts towards the limits, and is nothing to drop.
 *
 * <p>Threading: any thread offers; one thread, the sender, takes and sets aside. All fields are guarded by one lock,
 * except the volatile ones, which are written under it and read without.
 *
 * @param <E> what waits
 */
public final class BoundedBuffer<E extends Buffered> {

    private final Consumer<? super E> dropped;
    private final BufferStates states;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock") private final BufferContent<E> content;

    @GuardedBy("lock") private final RoomQueue<E> queue = new RoomQueue<>();

    @GuardedBy("lock") private boolean closed;

    private volatile int backlog;

    /**
     * @param limits how much may wait
     * @param overflow what happens beyond
     * @param random picks for {@link Overflow#DROP_RANDOM}
     * @param dropped told of each accepted record that was dropped for another, outside the lock
     */
    public BoundedBuffer(BufferLimits limits, Overflow overflow, RandomGenerator random, Consumer<? super E> dropped) {
        this.states = new BufferStates(limits);
        this.content = new BufferContent<>(limits, overflow, random, states);
        this.dropped = dropped;
    }

    /**
     * Takes the record in if there is room, or if room can be made by dropping others. Never waits.
     *
     * @param now the current time, for the linger
     */
    public Offer offer(E record, long now) {
        List<E> toDrop = List.of();
        lock.lock();
        try {
            Offer answer = admit(record);
            if (answer != Offer.ACCEPTED) {
                return answer;
            }
            while (!content.fits(record)) {
                if (toDrop.isEmpty()) {
                    toDrop = new ArrayList<>();
                }
                toDrop.add(content.takeVictim());
            }
            append(record, now);
        } finally {
            lock.unlock();
        }
        toDrop.forEach(dropped);
        return Offer.ACCEPTED;
    }

    /**
     * Takes the record in although there may be no room, before those that wait for some. For a record in whose place
     * another has just left: who calls sees to it that these are few.
     */
    public Offer offerInPlaceOfAnother(E record, long now) {
        lock.lock();
        try {
            if (closed) {
                return Offer.CLOSED;
            }
            append(record, now);
            return Offer.ACCEPTED;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes the record in when there is room for it, and waits for that: first come, first served, in records and in
     * bytes. For {@link Overflow#BLOCK}.
     *
     * @param nanoTime the current time
     * @param nanos how long it may wait, in nanoseconds
     * @param waits called when it begins to wait, outside the lock
     * @return {@code FULL} if the time is up
     * @throws InterruptedException if the thread is interrupted while it waits; the record is not in the buffer then
     */
    public Offer put(E record, LongSupplier nanoTime, long nanos, Runnable waits) throws InterruptedException {
        long begun = nanoTime.getAsLong();
        Waiter<E> waiter;
        lock.lock();
        try {
            Offer answer = admit(record);
            if (answer == Offer.ACCEPTED) {
                append(record, begun);
            }
            if (answer != Offer.FULL || nanos <= 0) {
                return answer;
            }
            waiter = queue.add(record, begun);
        } finally {
            lock.unlock();
        }
        waits.run();
        boolean interrupted = waiter.await(nanoTime, nanos);
        Offer answer = waiter.answer();
        return answer != null && !interrupted ? answer : leave(waiter, interrupted);
    }

    private Offer leave(Waiter<E> waiter, boolean interrupted) throws InterruptedException {
        lock.lock();
        try {
            Offer answer = waiter.answer();
            if (answer == null) {
                queue.remove(waiter);
                grantRoom();
                if (interrupted) {
                    throw new InterruptedException();
                }
                return Offer.FULL;
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return answer;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Moves up to {@code max} records, oldest first, to the caller, who reports back with {@link #handedOver}, or sets them
     * aside: those have never left, so nobody gets their room, and they are not to be reported. Ends before one of which the
     * caller does not know yet.
     *
     * @param leave says what becomes of a record; called under the lock
     * @param asideNow where those set aside are added
     * @return how many were moved or set aside
     */
    public int take(
            Collection<? super E> into, int max, Function<? super E, Leave> leave, Collection<? super E> asideNow) {
        lock.lock();
        try {
            int left = content.take(into, max, leave, asideNow);
            if (left > 0) {
                grantRoom();
            }
            return left;
        } finally {
            lock.unlock();
        }
    }

    /** So many of the records that were taken are now with Kafka's producer, set aside, or have ended otherwise. */
    public void handedOver(int count) {
        lock.lock();
        try {
            content.handedOver(count);
            updateBacklog();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Lets a record that was taken wait again, beside the others. It is still to be reported by {@link #handedOver}. Does
     * nothing and says no where {@code unless}, which is asked under the lock, says yes.
     */
    public boolean setAside(E record, BooleanSupplier unless) {
        lock.lock();
        try {
            if (unless.getAsBoolean()) {
                return false;
            }
            content.setAside(record);
            updateBacklog();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** As {@link #take}, of those set aside; what {@link #takeAll} has taken meanwhile is not moved. */
    public int takeFromAside(Collection<E> these, Collection<? super E> into) {
        lock.lock();
        try {
            int taken = content.takeFromAside(these, into);
            grantRoom();
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** Takes out everything, also what was set aside. Nothing of it is to be reported. */
    public List<E> takeAll() {
        lock.lock();
        try {
            List<E> all = content.takeAll();
            grantRoom();
            return all;
        } finally {
            lock.unlock();
        }
    }

    /**
     * How long until a batch is due: it is when {@code batchSize} records wait, when the oldest has waited for
     * {@code linger}, when there is no more room to wait in, or when someone asked for it.
     *
     * @return zero if one is due; {@link Long#MAX_VALUE} if nothing waits
     */
    public long nanosUntilDue(int batchSize, long lingerNanos, long now) {
        lock.lock();
        try {
            return content.nanosUntilDue(batchSize, lingerNanos, now, !queue.isEmpty());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Makes everything that waits now due.
     *
     * @return the mark that {@link #hasLeft} reaches when all of it has been handed over
     */
    public long expedite() {
        lock.lock();
        try {
            return content.expedite();
        } finally {
            lock.unlock();
        }
    }

    /** Whether all that was accepted before the mark was made is handed over, or dropped. */
    public boolean hasLeft(long mark) {
        lock.lock();
        try {
            return content.hasLeft(mark);
        } finally {
            lock.unlock();
        }
    }

    /** Takes nothing in from now on, and makes everything that waits due. Refuses those that wait for room. */
    public void close() {
        lock.lock();
        try {
            closed = true;
            content.expedite();
            queue.close();
        } finally {
            lock.unlock();
        }
    }

    /** Takes in again. */
    public void reopen() {
        lock.lock();
        try {
            closed = false;
        } finally {
            lock.unlock();
        }
    }

    /** Records accepted and not yet handed over; zero means that what the calling thread offered is all handed over. */
    public int backlog() {
        return backlog;
    }

    /** Records that wait, those set aside included. */
    public int size() {
        lock.lock();
        try {
            return content.records();
        } finally {
            lock.unlock();
        }
    }

    /** Bytes that wait, those set aside included. */
    public long bytes() {
        lock.lock();
        try {
            return content.bytes();
        } finally {
            lock.unlock();
        }
    }

    /** How full the buffer is. */
    public BufferState state() {
        return states.now();
    }

    /** Whether {@link #nextChange()} has something; a cheap look before it. */
    public boolean hasChanged() {
        return states.hasChanged();
    }

    /** The oldest change of state that was not yet asked for, or null. */
    public @Nullable BufferState nextChange() {
        return states.nextChange();
    }

    @GuardedBy("lock") private Offer admit(E record) {
        Offer refusal = closed ? Offer.CLOSED : content.refusalOf(record);
        if (refusal != null) {
            return refusal;
        }
        return queue.isEmpty() ? Offer.ACCEPTED : Offer.FULL;
    }

    @GuardedBy("lock") private void append(E record, long now) {
        content.append(record, now);
        updateBacklog();
    }

    /** Takes in what waited for the room that there is now. */
    @GuardedBy("lock") private void grantRoom() {
        queue.grantRoom(content);
        updateBacklog();
    }

    @GuardedBy("lock") private void updateBacklog() {
        backlog = content.backlog();
    }
}
