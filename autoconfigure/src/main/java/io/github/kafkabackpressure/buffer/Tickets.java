package io.github.kafkabackpressure.buffer;

/**
 * How many workers are to come to a {@link WaitingRoom}: about as many as lanes are ready, but no more than there are.
 *
 * <p>Threading: under the lock of its room; {@link #areNeeded} by any thread.
 */
final class Tickets {

    private final int most;

    private int out;

    private volatile boolean needed;

    /** @param most the most workers that there may be */
    Tickets(int most) {
        this.most = most;
    }

    /** Whether {@link #issue} has some. */
    boolean areNeeded() {
        return needed;
    }

    /** So many lanes are ready now. */
    void update(int readyLanes) {
        needed = out < Math.min(readyLanes, most);
    }

    /** Hands out those that are missing. */
    int issue(int readyLanes) {
        int missing = Math.max(0, Math.min(readyLanes, most) - out);
        out += missing;
        return missing;
    }

    /** Whether all that are out are wanted, that of a worker included which has just started a record. */
    boolean areWanted(int readyLanes) {
        return out <= Math.min(readyLanes, most);
    }

    /** A worker has come with one, and nobody gets it. */
    void used() {
        out = Math.max(0, out - 1);
    }
}
