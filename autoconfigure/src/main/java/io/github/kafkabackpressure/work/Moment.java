package io.github.kafkabackpressure.work;

import java.util.function.BooleanSupplier;

/**
 * A wait for what another thread is about to do, where that comes sooner than a thread that sleeps would be woken: looks,
 * spins, looks again, and now and then offers the core to whoever waits for one. Who must not wait longer than that, whatever
 * others do with the core, needs a wait that goes by the clock, as the consumer's.
 *
 * <p>Threading: any thread.
 */
public final class Moment {

    /** What {@link Thread#onSpinWait} takes, about; nothing depends on it but how long a moment is. */
    private static final long SPIN_NANOS = 50;

    /** A look costs the other threads, too, as it takes the memory from them that they write to. */
    private static final int SPINS_PER_LOOK = 16;

    private static final int LOOKS_PER_YIELD = 2;

    private Moment() {}

    /**
     * Waits for something, not longer than a moment.
     *
     * @param nanos how long the moment is, about; longer where others wait for the core. Without a clock: to ask it takes
     *     as long as to look
     * @return whether it has come
     */
    @SuppressWarnings("ThreadPriorityCheck") // a yield here is a matter of speed only
    public static boolean comes(BooleanSupplier something, long nanos) {
        for (long looks = nanos / (SPIN_NANOS * SPINS_PER_LOOK); looks > 0; looks--) {
            if (something.getAsBoolean()) {
                return true;
            }
            for (int spin = 0; spin < SPINS_PER_LOOK; spin++) {
                Thread.onSpinWait();
            }
            if (looks % LOOKS_PER_YIELD == 0) {
                Thread.yield();
            }
        }
        return something.getAsBoolean();
    }
}
