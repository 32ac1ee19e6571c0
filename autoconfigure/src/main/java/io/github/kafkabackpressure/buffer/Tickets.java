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

    /** A worker has come with one. */
    void used() {
        out = Math.max(0, out - 1);
    }

    /** Lets the one that was just used be out again if it is wanted; false if it is not. */
    boolean handOn(int readyLanes) {
        boolean wanted = out < Math.min(readyLanes, most);
        out += wanted ? 1 : 0;
        return wanted;
    }
}
