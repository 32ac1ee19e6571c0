package io.github.kafkabackpressure.work;

import io.github.kafkabackpressure.work.Pace.Speed;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A thread that handles ready records until there are none. The slot it needs for that is its own until it leaves it to
 * others, or to a record whose result comes later.
 *
 * <p>Threading: its own thread.
 */
final class Worker<T> {

    /** After so many quick records of one lane, and at the end of a task, a worker lets others have their turn. */
    private static final int QUICK_TURNS = 32;

    /**
     * How long a worker that has run out of quick records looks for more at most; never longer than it was busy before.
     */
    private static final long LONGEST_LINGER_NANOS = 200_000;

    private static final int CORES_FOR_WORKERS =
            Math.max(1, Runtime.getRuntime().availableProcessors() - 1); // one is the consumer's

    /** Handles tasks; must not throw. */
    interface Tasks<T> {

        /**
         * Handles a task, or the next few records of one that has many.
         *
         * @param begun the present time of the pool's clock in nanoseconds
         * @return what may run next on its lane: the task itself if it has more records, or the one behind it; null if
         *     there is none, or if the lane has to wait
         */
        @Nullable T handle(T task, long begun);

        /** How many records the last {@link #handle} of the task has handled. */
        int recordsInTurn(T task);
    }

    private final Crew<T> crew;

    private final Tasks<T> tasks;

    private final Pace.Tally tally;

    private @Nullable Slot slot;

    private long now;

    private long busySince;

    private int handled;

    /** Makes a worker without a slot. */
    Worker(Crew<T> crew, Tasks<T> tasks) {
        this.crew = crew;
        this.tasks = tasks;
        this.tally = crew.pace.new Tally();
    }

    /** Leaves the slot to others, if it has one. */
    void leaveSlot() {
        if (slot != null) {
            detachSlot().close();
        }
    }

    /** Waits for a slot, if it has none. False if there was none and the condition is no longer true. */
    boolean takeSlotWhile(BooleanSupplier condition) {
        if (slot == null) {
            Slot taken = crew.slots.takeWhile(condition);
            if (taken == null) {
                return false;
            }
            attachSlot(taken);
        }
        return true;
    }

    /** Gives the slot to a record that needs it for longer than this worker handles it. */
    Slot detachSlot() {
        Slot mine = Objects.requireNonNull(slot, "the worker holds no slot");
        slot = null;
        crew.leftWork();
        return mine;
    }

    /** Gives the worker a slot, which it has none of. */
    void attachSlot(Slot given) {
        slot = given;
        crew.cameToWork();
    }

    /** Frees the slot if there is one; the caller looks for ready records. */
    void releaseSlot() {
        if (slot != null) {
            detachSlot().release();
        }
    }

    /** Handles ready records. */
    void run() {
        now = crew.nanoTime.getAsLong();
        busySince = now;
        long lingeredAt = now;
        while (true) {
            T task = crew.ready.claim((handled & 1) == 0);
            if (task == null && mayLinger() && linger(Math.min(now - lingeredAt, LONGEST_LINGER_NANOS))) {
                now = crew.nanoTime.getAsLong();
                lingeredAt = now;
            } else if (task == null) {
                tally.report();
                releaseSlot();
                // Who submitted a record and still saw this worker, or no free slot, relies on this second look.
                if (crew.isClosed() || crew.ready.isEmpty() || !tryTakeSlot()) {
                    return;
                }
            } else {
                callHelp();
                handleInTurn(task);
                if (slot == null && !tryTakeSlot()) {
                    tally.report();
                    // For who submitted a record, still saw this worker, and came after the slots had been given back.
                    crew.startIfBacklog();
                    return;
                }
                if (crew.slots.areWaitedFor() || crew.slots.areTooMany()) {
                    tally.report();
                    releaseSlot();
                    if (!tryTakeSlot()) {
                        return; // whoever has the slot now looks for ready records when it is done
                    }
                }
            }
        }
    }

    private boolean tryTakeSlot() {
        Slot free = crew.slots.tryTake();
        if (free == null) {
            return false;
        }
        attachSlot(free);
        return true;
    }

    /** Has one more worker started if this one does not keep up with what waits. */
    private void callHelp() {
        crew.claimed(now);
        if (tally.speed() == Speed.SLOW) {
            crew.startIfBacklog();
        } else if (now - busySince > Crew.BUSY_NANOS) {
            busySince = now;
            if (tally.speed() == Speed.QUICK || crew.working() < CORES_FOR_WORKERS) {
                crew.startIfBacklog();
            }
        }
    }

    /** Handles a task, and what follows it in its lane as long as it is this worker's turn. */
    private void handleInTurn(T first) {
        T task = first;
        for (int turn = 0; task != null; ) {
            T next = tasks.handle(task, now);
            long end = crew.nanoTime.getAsLong();
            int records = tasks.recordsInTurn(task);
            tally.add(records, end - now);
            handled++;
            turn += records;
            now = end;
            if (next == task) {
                crew.claimed(end); // the next record of a slice is as good as another task
            } else if (next != null && mustLeaveToOthers(turn)) {
                crew.ready.addNext(next);
                next = null;
            }
            task = next;
        }
    }

    private boolean mustLeaveToOthers(int turn) {
        return turn >= QUICK_TURNS || slot == null || crew.isSlow();
    }

    private boolean mayLinger() {
        return tally.speed() != Speed.SLOW && crew.working() == 1;
    }

    /**
     * Looks for records for a while before the worker ends: to start another one costs the consumer's thread more than
     * many records that do nothing. Returns whether there are some.
     */
    private boolean linger(long nanos) {
        return Moment.comes(crew.endsLingering, nanos)
                && crew.ready.mayHaveSome()
                && !crew.slots.areWaitedFor() // they come before records that have not begun
                && !crew.isClosed();
    }
}
