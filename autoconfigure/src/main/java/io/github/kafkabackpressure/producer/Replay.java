package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.producer.spool.UndeliveredStore;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.apache.commons.logging.Log;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;

/**
 * What a sender does before anything else: it sends what an earlier shutdown has left.
 *
 * <p>Threading: the sender runs it; the thread of a shutdown cuts it short; anyone asks.
 */
final class Replay {

    private static final Log logger = LogFactory.getLog(Replay.class);

    private final String name;
    private final @Nullable UndeliveredStore<?, ?> store;
    private final BooleanSupplier isCut;
    private final LongSupplier nanoTime;

    /** Written under the lock, so that an interrupt meant for the replay cannot reach what comes after it. */
    private volatile boolean underWay;

    /** Set by a shutdown that has waited long enough for it; nothing is offered any more when it is. */
    private volatile boolean timeIsUp;

    /** @param isCut whether the sender is to end where it stands */
    Replay(String name, @Nullable UndeliveredStore<?, ?> store, BooleanSupplier isCut, LongSupplier nanoTime) {
        this.name = name;
        this.store = store;
        this.isCut = isCut;
        this.nanoTime = nanoTime;
        this.underWay = store != null;
    }

    /** Says whether newer records may follow: else what waits must not be sent before what was left. */
    boolean run() {
        boolean newerMayFollow = true;
        try {
            newerMayFollow = store == null || !underWay || store.replay(() -> !isCut.getAsBoolean() && !timeIsUp);
        } catch (Throwable e) {
            logger.error("The spool of '" + name + "' could not be replayed: " + Failures.describe(e));
        }
        synchronized (this) {
            underWay = false;
            if (!isCut.getAsBoolean()) {
                Thread.interrupted();
            }
        }
        return newerMayFollow;
    }

    /** Whether it is not over. */
    boolean isUnderWay() {
        return underWay;
    }

    /** Interrupts the sender when the replay takes more than its share of a shutdown, and nothing else: hence the lock. */
    synchronized void cutShort(Thread sender, long deadlineNanos) {
        if (underWay && !timeIsUp && nanoTime.getAsLong() - deadlineNanos > 0) {
            timeIsUp = true;
            sender.interrupt();
        }
    }
}
