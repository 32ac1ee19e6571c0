package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.buffer.StartGate;
import java.util.function.DoubleSupplier;

/**
 * The rate limits of a listener, which outlive its runs: when a record may be started.
 *
 * <p>Threading: any thread.
 */
public interface StartRates extends StartGate<QueuedRecord> {

    /** Finds out what a record takes, and from where; before it is put into the room. */
    void prepare(QueuedRecord record);

    /** Somebody whose records wait for tokens. */
    interface Waiters {

        /** Takes in that tokens of a group have come from elsewhere. */
        void answered(Object group);

        /** Takes in that other limits hold. */
        void changed();
    }

    /** Sets who is told of when records may start sooner. */
    void tell(Waiters told);

    /** Ends {@link #tell}. */
    void forget(Waiters told);

    /** Whether this instance's share of a common rate has to be known. */
    boolean needsShare();

    /** Sets what says this instance's part of all, from 0 to 1. */
    void setShare(DoubleSupplier share);
}
