package io.github.kafkabackpressure.buffer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The records that were accepted and not yet handed to Kafka's producer, in the order in which they were accepted.
 * Knows its limits, what to drop for what, when a batch is due, and how full it is; never calls foreign code under its
 * lock.
 *
 * <p>Threading: any thread offers; one thread, the sender, takes. All fields are guarded by one lock, except the
 * volatile ones, which are written under it and read without.
 *
 * @param <E> what waits
 */
public final class BoundedBuffer<E extends Buffered> {

    /** What became of an {@link #offer}. */
    public enum Offer {

        /** The record waits now. */
        ACCEPTED,

        /** The record was refused: the soft limit is reached and its priority is low. */
        SHED,

        /** The record was refused: there is no room, and none could be made. */
        FULL,

        /** The record was refused: it alone is larger than all that may wait. */
        TOO_LARGE,

        /** The record was refused: the buffer takes nothing in any more. */
        CLOSED
    }

    /** At most so many records are made room for before those that wait for room are woken: a wake-up is dear. */
    private static final int WAKE_AT_MOST = 1024;

    private final BufferLimits limits;
    private final Victims victims;
    private final Consumer<? super E> dropped;
    private final int wakeRecords;
    private final long wakeBytes;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();

    @GuardedBy("lock") private @Nullable E head;

    @GuardedBy("lock") private @Nullable E tail;

    @GuardedBy("lock") private int records;

    @GuardedBy("lock") private long bytes;

    /** Taken, but not yet reported as handed over. */
    @GuardedBy("lock") private int inHand;

    @GuardedBy("lock") private long firstPositionInHand;

    @GuardedBy("lock") private int waiters;

    /** Records taken while somebody waited for room and since they were last woken. */
    @GuardedBy("lock") private int takenSinceWake;

    @GuardedBy("lock") private long bytesTakenSinceWake;

    /** Counts {@link #releaseWaiters()}, so that a waiter sees a release that came before it waited. */
    @GuardedBy("lock") private long releases;

    @GuardedBy("lock") private long acceptedTotal;

    /** Everything accepted up to this count is due, whatever batch size and linger say. */
    @GuardedBy("lock") private long expediteUpTo;

    @GuardedBy("lock") private boolean closed;

    @GuardedBy("lock") private final Queue<BufferState> changes = new ArrayDeque<>();

    private volatile BufferState state = BufferState.NORMAL;
    private volatile int backlog;
    private volatile boolean changed;

    /**
     * @param limits how much may wait
     * @param overflow what happens beyond
     * @param random picks for {@link Overflow#DROP_RANDOM}
     * @param dropped told of each accepted record that was dropped for another, outside the lock
     */
    public BoundedBuffer(BufferLimits limits, Overflow overflow, RandomGenerator random, Consumer<? super E> dropped) {
        this.limits = limits;
        this.victims = Victims.of(overflow, this::head, random);
        this.dropped = dropped;
        this.wakeRecords = Math.max(1, Math.min(limits.records() / 4, WAKE_AT_MOST));
        this.wakeBytes = Math.max(1, limits.bytes() / 4);
    }

    /**
     * Takes the record in if there is room, or if room can be made by dropping others. Never waits.
     *
     * @param now the current time, for the linger
     */
    public Offer offer(E record, long now) {
        List<E> toDrop = null;
        lock.lock();
        try {
            Offer answer = admit(record);
            if (answer != Offer.ACCEPTED) {
                return answer;
            }
            while (!fits(record)) {
                if (toDrop == null) {
                    toDrop = new ArrayList<>();
                }
                E victim = chooseVictim();
                remove(victim);
                toDrop.add(victim);
            }
            append(record, now);
        } finally {
            lock.unlock();
        }
        if (toDrop != null) {
            toDrop.forEach(dropped);
        }
        return Offer.ACCEPTED;
    }

    /**
     * Waits until a record of this size has room, the time is up, the buffer is closed or {@link #releaseWaiters()} is
     * called. Promises nothing about the next {@link #offer}.
     *
     * @return what is left of {@code nanos}; zero or less if the time is up
     */
    public long awaitRoom(E record, long nanos) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long released = releases;
            long left = nanos;
            waiters++;
            try {
                while (left > 0 && !closed && releases == released && !fits(record)) {
                    left = room.awaitNanos(left);
                }
            } finally {
                waiters--;
            }
            return left;
        } finally {
            lock.unlock();
        }
    }

    /** Lets every thread that waits for room look again at whether it should. */
    public void releaseWaiters() {
        lock.lock();
        try {
            releases++;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Moves up to {@code max} records, oldest first, to the caller, who reports back with {@link #handedOver}.
     *
     * @return how many were moved
     */
    public int take(Collection<? super E> into, int max) {
        lock.lock();
        try {
            int taken = 0;
            long bytesBefore = bytes;
            if (head != null && inHand == 0) {
                firstPositionInHand = head.position;
            }
            for (E record = head; record != null && taken < max; record = head) {
                remove(record);
                into.add(record);
                taken++;
            }
            inHand += taken;
            updateBacklog();
            wakeWaiters(taken, bytesBefore - bytes);
            return taken;
        } finally {
            lock.unlock();
        }
    }

    /** So many of the records that were taken are now with Kafka's producer, or have ended otherwise. */
    public void handedOver(int count) {
        lock.lock();
        try {
            inHand -= count;
            updateBacklog();
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
            E oldest = head;
            if (oldest == null) {
                return Long.MAX_VALUE;
            }
            if (records >= Math.min(batchSize, limits.records())
                    || waiters > 0
                    || bytes >= limits.softBytes()
                    || oldest.position <= expediteUpTo) {
                return 0;
            }
            return Math.max(0, lingerNanos - (now - oldest.acceptedNanos()));
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
            expediteUpTo = acceptedTotal;
            return acceptedTotal;
        } finally {
            lock.unlock();
        }
    }

    /** Whether all that was accepted before the mark was made is handed over, or dropped. */
    public boolean hasLeft(long mark) {
        lock.lock();
        try {
            boolean noneWaits = head == null || head.position > mark;
            return noneWaits && (inHand == 0 || firstPositionInHand > mark);
        } finally {
            lock.unlock();
        }
    }

    /** Takes nothing in from now on, and makes everything that waits due. Releases those that wait for room. */
    public void close() {
        lock.lock();
        try {
            closed = true;
            expediteUpTo = acceptedTotal;
            room.signalAll();
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

    /** Records that wait. */
    public int size() {
        lock.lock();
        try {
            return records;
        } finally {
            lock.unlock();
        }
    }

    /** Bytes that wait. */
    public long bytes() {
        lock.lock();
        try {
            return bytes;
        } finally {
            lock.unlock();
        }
    }

    /** How full the buffer is. */
    public BufferState state() {
        return state;
    }

    /** Whether {@link #nextChange()} has something; a cheap look before it. */
    public boolean hasChanged() {
        return changed;
    }

    /** The oldest change of state that was not yet asked for, or null. */
    public @Nullable BufferState nextChange() {
        lock.lock();
        try {
            BufferState change = changes.poll();
            changed = !changes.isEmpty();
            return change;
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock") private Offer admit(E record) {
        if (closed) {
            return Offer.CLOSED;
        }
        if (record.bytes > limits.bytes()) {
            return Offer.TOO_LARGE;
        }
        if (records >= limits.softLimit() && record.priority < limits.shedPriority()) {
            return Offer.SHED;
        }
        if (!fits(record)) {
            rise(BufferState.FULL);
            int recordsMissing = Math.max(0, records + 1 - limits.records());
            long bytesMissing = Math.max(0, bytes + record.bytes - limits.bytes());
            if (!victims.canYield(record, recordsMissing, bytesMissing)) {
                return Offer.FULL;
            }
        }
        return Offer.ACCEPTED;
    }

    @GuardedBy("lock") private boolean fits(E record) {
        return records < limits.records() && bytes + record.bytes <= limits.bytes();
    }

    @GuardedBy("lock") @SuppressWarnings("unchecked") // Everything that waits was offered as an E.
    private E chooseVictim() {
        return (E) victims.choose();
    }

    @GuardedBy("lock") private void append(E record, long now) {
        E last = tail;
        record.older = last;
        if (last == null) {
            head = record;
        } else {
            last.newer = record;
        }
        tail = record;
        records++;
        bytes += record.bytes;
        acceptedTotal++;
        record.accepted(acceptedTotal, now);
        victims.added(record);
        updateBacklog();
        if (records >= limits.records() || bytes >= limits.bytes()) {
            rise(BufferState.FULL);
        } else if (records >= limits.softLimit() || bytes >= limits.softBytes()) {
            rise(BufferState.PRESSURED);
        }
    }

    @GuardedBy("lock") @SuppressWarnings("unchecked") // The links of an E are Es.
    private void remove(E record) {
        Buffered before = record.older;
        Buffered after = record.newer;
        if (before == null) {
            head = (E) after;
        } else {
            before.newer = after;
        }
        if (after == null) {
            tail = (E) before;
        } else {
            after.older = before;
        }
        record.older = null;
        record.newer = null;
        records--;
        bytes -= record.bytes;
        victims.removed(record);
        if (state != BufferState.NORMAL && records <= limits.calmRecords() && bytes <= limits.calmBytes()) {
            transitionTo(BufferState.NORMAL);
        }
    }

    /**
     * Wakes those that wait for room when much has been taken since they were woken last. Not when much is free: others
     * may fill each place as soon as it is.
     */
    @GuardedBy("lock") private void wakeWaiters(int taken, long bytesTaken) {
        takenSinceWake = waiters > 0 ? takenSinceWake + taken : 0;
        bytesTakenSinceWake = waiters > 0 ? bytesTakenSinceWake + bytesTaken : 0;
        if (takenSinceWake >= wakeRecords || bytesTakenSinceWake >= wakeBytes || (waiters > 0 && records == 0)) {
            takenSinceWake = 0;
            bytesTakenSinceWake = 0;
            room.signalAll();
        }
    }

    @GuardedBy("lock") private void updateBacklog() {
        backlog = records + inHand;
    }

    /** Goes up, never down: an episode ends with {@link BufferState#NORMAL} only. */
    @GuardedBy("lock") private void rise(BufferState to) {
        if (to.compareTo(state) > 0) {
            transitionTo(to);
        }
    }

    @GuardedBy("lock") private void transitionTo(BufferState to) {
        state = to;
        changes.add(to);
        changed = true;
    }

    private @Nullable Buffered head() {
        lock.lock();
        try {
            return head;
        } finally {
            lock.unlock();
        }
    }
}
