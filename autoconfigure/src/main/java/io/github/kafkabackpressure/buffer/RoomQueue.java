package io.github.kafkabackpressure.buffer;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Those that wait for room in a buffer, in the order in which they came. The first gets the next room that is large
 * enough for its record; nobody passes it meanwhile, so that a large record cannot be kept out by small ones.
 *
 * <p>Threading: under the lock of the buffer that owns it; a {@link Waiter} is read by its own thread.
 *
 * @param <E> what waits
 */
final class RoomQueue<E extends Buffered> {

    private final Set<Waiter<E>> waiters = new LinkedHashSet<>();

    boolean isEmpty() {
        return waiters.isEmpty();
    }

    Waiter<E> add(E record, long now) {
        Waiter<E> waiter = new Waiter<>(record, now);
        waiters.add(waiter);
        return waiter;
    }

    /** Takes back one that waits no longer; it may have stood in the way of others. */
    void remove(Waiter<E> waiter) {
        waiters.remove(waiter);
    }

    /** Takes in those, in turn, for whose records there is room now. */
    void grantRoom(BufferContent<E> content) {
        for (Waiter<E> first = first(); first != null && content.fits(first.record); first = first()) {
            waiters.remove(first);
            content.append(first.record, first.since);
            first.answer(Offer.ACCEPTED);
        }
    }

    /** Refuses all. */
    void close() {
        for (Waiter<E> first = first(); first != null; first = first()) {
            waiters.remove(first);
            first.answer(Offer.CLOSED);
        }
    }

    private @Nullable Waiter<E> first() {
        return waiters.isEmpty() ? null : waiters.iterator().next();
    }

    /** One thread that waits with its record. */
    static final class Waiter<E extends Buffered> {

        private final E record;
        private final long since;
        private final Thread thread = Thread.currentThread();

        /** Written under the lock, once. */
        private volatile @Nullable Offer answer;

        private Waiter(E record, long since) {
            this.record = record;
            this.since = since;
        }

        @Nullable Offer answer() {
            return answer;
        }

        private void answer(Offer given) {
            answer = given;
            LockSupport.unpark(thread);
        }

        /**
         * Waits on its thread until it has an answer, the time is up, or the thread is interrupted.
         *
         * @param nanos how long since it began
         * @return whether it was interrupted, which is forgotten
         */
        boolean await(LongSupplier nanoTime, long nanos) {
            while (answer == null) {
                long left = since + nanos - nanoTime.getAsLong();
                if (left <= 0) {
                    break;
                }
                LockSupport.parkNanos(this, left);
                if (Thread.interrupted()) {
                    return true;
                }
            }
            return false;
        }
    }
}
