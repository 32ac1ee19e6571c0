package io.github.kafkabackpressure.flow;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The number of records that a listener may have in flight, and how many of them are taken. The bound is strict: a
 * consumer reserves room for as many records as a poll can bring before it polls, and gives back what the poll did not
 * bring. So the records in flight and the rooms reserved never sum to more than the limit, whatever the number of
 * consumers. Of those that wait for room the one that waits longest comes first: the others, also those that have not
 * waited at all, may only take what leaves enough for it.
 *
 * <p>Threading: safe for any number of consumers (which reserve and settle) and workers (which release).
 */
public final class InFlightLimit {

    private volatile Watermarks watermarks;

    /** Records in flight and reserved rooms together; what the strict bound holds for. */
    private final AtomicLong taken = new AtomicLong();

    /** The reserved part of {@link #taken}; only ever subtracted from it to tell how much is really in flight. */
    private final AtomicLong reserved = new AtomicLong();

    /** How many of the records in flight wait for something that takes its time, whatever drains. */
    private final AtomicLong standing = new AtomicLong();

    /** The consumers that wait for room, longest first. Workers look here before they look for someone to wake. */
    private final Queue<Object> waiting = new ConcurrentLinkedQueue<>();

    public InFlightLimit(Watermarks watermarks) {
        this.watermarks = watermarks;
    }

    /** Sets another limit. What is taken beyond it stays so until it is released; nothing more is, until there is room. */
    public void change(Watermarks changed) {
        watermarks = changed;
    }

    /** How much more is taken than the limit allows, since that was lowered; 0 if nothing. */
    public long excess() {
        return Math.max(0, taken.get() - watermarks.high());
    }

    /** The most records that may be in flight. */
    public long limit() {
        return watermarks.high();
    }

    /** The number of records in flight at or below which a paused consumer is resumed. */
    public long lowWatermark() {
        return watermarks.low();
    }

    /**
     * Reserves room for the records that a poll may bring.
     *
     * @param records the most records that the poll can bring
     * @return false, and nothing is reserved, if there is not so much room
     */
    public boolean tryReserve(int records) {
        // Counted as reserved first and taken after, and released the other way round: whoever reads in between sees
        // fewer records in flight than there are, so it may look for room too early, which the compare-and-set below
        // then refuses. The other order could hide that the low watermark has been reached.
        reserved.addAndGet(records);
        while (true) {
            long now = taken.get();
            if (now + records > watermarks.high()) {
                reserved.addAndGet(-records);
                return false;
            }
            if (taken.compareAndSet(now, now + records)) {
                return true;
            }
        }
    }

    /**
     * As {@link #tryReserve}, but leaves as much room for each consumer that waits longer.
     *
     * @param consumer who asks; all that wait are before it unless it waits itself
     */
    public boolean tryReserveInTurn(Object consumer, int records) {
        long ofAll = records;
        for (Object other : waiting) {
            if (other == consumer) {
                break;
            }
            ofAll += records;
        }
        return taken.get() + ofAll <= watermarks.high() && tryReserve(records);
    }

    /**
     * Turns a reservation into the records that the poll brought.
     *
     * @param records what was reserved
     * @param polled how many of them came; the rest of the room is free again
     */
    public void settle(int records, int polled) {
        if (polled != records) {
            taken.addAndGet(polled - records);
        }
        reserved.addAndGet(-records);
    }

    /**
     * Takes room for records that are there.
     *
     * @return false, and nothing is taken, if there is not so much
     */
    public boolean tryTake(int records) {
        while (true) {
            long now = taken.get();
            if (now + records > watermarks.high()) {
                return false;
            }
            if (taken.compareAndSet(now, now + records)) {
                return true;
            }
        }
    }

    /** Whether there is no room for one more record now. */
    public boolean isFull() {
        return taken.get() >= watermarks.high();
    }

    /** Gives back the room of records that are finished or dropped. */
    public void release(int records) {
        taken.addAndGet(-records);
    }

    /** Records polled and not finished. Approximate while others reserve and release; never negative. */
    public long inFlight() {
        return Math.max(0, taken.get() - reserved.get());
    }

    /**
     * Whether so much has drained that a paused consumer should be resumed. What stands still is not waited for: while a
     * few records are in a long back-off, others go on in the room that is left.
     */
    public boolean isDrainedToLowWatermark() {
        return taken.get() - reserved.get() - standing.get() <= watermarks.low();
    }

    /** Says that a record in flight stands still from now on. There may be somebody to be woken afterwards. */
    public void startStanding() {
        standing.incrementAndGet();
    }

    /** As {@link #startStanding} for many records; less than 0: that so many no longer do. */
    public void addStanding(int records) {
        standing.addAndGet(records);
    }

    /** Says that a record that stood still goes on, or is about to leave. */
    public void stopStanding() {
        standing.decrementAndGet();
    }

    /** Whether {@link #tryReserve} would find room now, however much has drained. */
    public boolean hasRoomWithin(int records) {
        return taken.get() + records <= watermarks.high();
    }

    /** Whether a consumer that waits could reserve room for this many records now. */
    public boolean hasRoomFor(int records) {
        return isDrainedToLowWatermark() && taken.get() + records <= watermarks.high();
    }

    /** Says that a consumer waits for room from now on. Look for room once more afterwards, and only then wait. */
    public void startWaiting(Object consumer) {
        waiting.add(consumer);
    }

    /** Says that a consumer no longer waits for room. If it has taken none, there may be some for the others. */
    public void stopWaiting(Object consumer) {
        waiting.remove(consumer);
    }

    /**
     * Whether somebody waits for room and there is enough to wake it.
     *
     * @param records the room that a poll needs
     */
    public boolean shouldWakeWaiting(int records) {
        return !waiting.isEmpty() && hasRoomFor(records);
    }
}
