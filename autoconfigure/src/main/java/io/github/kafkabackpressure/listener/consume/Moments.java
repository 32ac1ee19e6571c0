package io.github.kafkabackpressure.listener.consume;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * How a consumer waits a moment for what workers do, where handling only computes: it comes sooner than all partitions
 * could be paused and resumed, and the signal that ends a wait in a poll would cost the worker more than its records.
 *
 * <p>This is not {@link io.github.kafkabackpressure.work.Moment}, which a worker waits for its next record: that offers the
 * core from the start and goes by the number of looks, so on a machine without a free core it may last many turns of others. A
 * consumer whose wait lasts so long polls nothing for anybody; this wait first keeps the core, and then ends by the clock.
 *
 * <p>Threading: the consumer's thread.
 */
final class Moments {

    /** How long to wait, and how often, until a partition drains that handling which only computes has nearly done. */
    private static final long DRAIN_WAIT_NANOS = 50_000;

    static final int DRAIN_WAITS = 10;

    /** How often to look before the thread offers its core to a worker that may wait for one: some 16 µs. */
    private static final int LOOKS = 20;

    /** How long to look on while offering the core: a thread that sleeps is woken late. */
    private static final long YIELDING_NANOS = 200_000;

    /** A look costs the workers too, as it takes the counters' memory from them; a spin takes about 50 ns. */
    private static final int SPINS_PER_LOOK = 16;

    private Moments() {}

    /**
     * Looks for something that workers do: at first for so long as would not be worth giving up the core, then offering it
     * to whoever waits for one. By the real clock, since that is what workers on their cores go by.
     */
    @SuppressWarnings("ThreadPriorityCheck") // a yield here is a matter of speed only
    static boolean comesSoon(BooleanSupplier condition) {
        for (int look = 0; look < LOOKS; look++) {
            if (condition.getAsBoolean()) {
                return true;
            }
            for (int spin = 0; spin < SPINS_PER_LOOK; spin++) {
                Thread.onSpinWait();
            }
        }
        long until = System.nanoTime() + YIELDING_NANOS;
        boolean came = false;
        while (!came && System.nanoTime() - until < 0) {
            Thread.yield();
            came = condition.getAsBoolean();
        }
        return came;
    }

    /**
     * Looks for something that comes when a partition has drained, a little later.
     *
     * @param drained looked at after each of the waits, and before the first
     */
    static void awaitDrained(BooleanSupplier drained) {
        for (int wait = 0; wait < DRAIN_WAITS && !drained.getAsBoolean(); wait++) {
            waitForDrain();
        }
    }

    /** Waits once for a partition that has nearly drained; it may be {@value #DRAIN_WAITS} times. */
    static void waitForDrain() {
        LockSupport.parkNanos(DRAIN_WAIT_NANOS);
    }
}
