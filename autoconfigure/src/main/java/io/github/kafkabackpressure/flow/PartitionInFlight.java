package io.github.kafkabackpressure.flow;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The records of one assignment of a partition that are in flight, and how many of them are running. Closing it ends
 * the assignment: from then on none of the queued records may start, and they are out of flight at once; those that
 * run remain in flight until they are finished.
 *
 * <p>Both counts and the closed state are one word, so that closing tells exactly the queued from the running ones
 * while workers start and finish records.
 *
 * <p>Threading: the consumer's thread adds and closes, workers start and finish, anyone reads.
 */
public final class PartitionInFlight {

    private static final long ONE_RUNNING = 1L << 32;

    private static final long CLOSED = Long.MIN_VALUE;

    private static final long COUNT_MASK = 0xFFFF_FFFFL;

    private static final long RUNNING_MASK = 0x7FFF_FFFFL;

    /** Bit 63: closed. Bits 32 to 62: running. Bits 0 to 31: in flight, running ones included. */
    private final AtomicLong state = new AtomicLong();

    /** Adds records that have been polled, before any of them can start. */
    public void add(int records) {
        state.addAndGet(records);
    }

    /**
     * Starts a queued record.
     *
     * @return false if the assignment is over: the record must not be handled, and is not in flight any more
     */
    public boolean start() {
        if (state.getAndAdd(ONE_RUNNING) < 0) {
            // Nobody counts the running ones of a closed assignment while this one is in: closing has done so
            // already, and a drain that reads one too many reads again.
            state.getAndAdd(-ONE_RUNNING);
            return false;
        }
        return true;
    }

    /**
     * Takes a started record out of flight.
     *
     * @return how many are left in flight
     */
    public int finish() {
        return (int) (state.addAndGet(-ONE_RUNNING - 1) & COUNT_MASK);
    }

    /**
     * Takes records out of flight that one that goes on running stands for: records of a slice.
     *
     * @return how many left flight by this; 0 if the assignment is over, as then they have left by its end
     */
    public int leave(int records) {
        while (true) {
            long now = state.get();
            if (now < 0) {
                return 0;
            }
            if (state.compareAndSet(now, now - records)) {
                return records;
            }
        }
    }

    /**
     * Takes a started record out of flight, and with it others that it stands for.
     *
     * @param records all of them, the started one included
     * @return how many left flight by this; only the started one if the assignment is over
     */
    public int finish(int records) {
        while (true) {
            long now = state.get();
            int left = now < 0 ? 1 : records;
            if (state.compareAndSet(now, now - ONE_RUNNING - left)) {
                return left;
            }
        }
    }

    /**
     * Ends the assignment.
     *
     * @return how many queued records left flight by this; 0 if it was closed before
     */
    public int close() {
        while (true) {
            long now = state.get();
            if (now < 0) {
                return 0;
            }
            long running = now >>> 32;
            if (state.compareAndSet(now, CLOSED | (running << 32) | running)) {
                return (int) ((now & COUNT_MASK) - running);
            }
        }
    }

    public boolean isClosed() {
        return state.get() < 0;
    }

    /** Both counts as of one moment, for {@link #inFlight(long)} and {@link #running(long)}. */
    public long counts() {
        return state.get();
    }

    /** Records in flight by an answer of {@link #counts}. */
    public static int inFlight(long counts) {
        return (int) (counts & COUNT_MASK);
    }

    /** Records that had started and were not finished by an answer of {@link #counts}. */
    public static int running(long counts) {
        return (int) ((counts >>> 32) & RUNNING_MASK);
    }

    /** Records in flight: queued and running. */
    public int inFlight() {
        return inFlight(state.get());
    }

    /** Records that have started and are not finished. */
    public int running() {
        return running(state.get());
    }
}
