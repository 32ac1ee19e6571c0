package io.github.kafkabackpressure.buffer;

import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Those that wait for room in a buffer, in the order in which they came. The first gets the next room that is large
 * enough for its record; nobody passes it meanwhile, so that a large record cannot be kept out by small ones.
 *
 * <p>Threading: under the lock of the buffer that owns it; a {@link Waiter} is read by its own thread.
 *
 * @param <E> what waits
 * @param <A> what it is told
 */
final class RoomQueue<E extends Buffered, A> {

    private final Set<Waiter<E, A>> waiters = new LinkedHashSet<>();

    boolean isEmpty() {
        return waiters.isEmpty();
    }

    Waiter<E, A> add(E record, long now) {
        Waiter<E, A> waiter = new Waiter<>(record, now);
        waiters.add(waiter);
        return waiter;
    }

    /** Takes back one that waits no longer; it may have stood in the way of others. */
    void remove(Waiter<E, A> waiter) {
        waiters.remove(waiter);
    }

    @Nullable Waiter<E, A> first() {
        return waiters.isEmpty() ? null : waiters.iterator().next();
    }

    /** One thread that waits with its record. */
    static final class Waiter<E extends Buffered, A> {

        final E record;
        final long since;

        private final Thread thread = Thread.currentThread();

        /** Written under the lock, once. */
        private volatile @Nullable A answer;

        private Waiter(E record, long since) {
            this.record = record;
            this.since = since;
        }

        @Nullable A answer() {
            return answer;
        }

        void answer(A given) {
            answer = given;
            LockSupport.unpark(thread);
        }
    }
}
