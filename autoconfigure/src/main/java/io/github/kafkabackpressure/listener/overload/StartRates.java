package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.buffer.StartGate;
import java.util.function.DoubleSupplier;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The rate limits of a listener, which outlive its runs: when a record may be started.
 *
 * <p>Threading: any thread.
 */
public interface StartRates extends StartGate<QueuedRecord> {

    /** Finds out what a record takes, and from where; before it is put into the room. */
    void prepare(QueuedRecord record);

    /**
     * Whose tokens the records of a partition take that have the default priority, where many can take theirs together: a
     * bucket of this JVM's that is filled so quickly that it matters what asking for each record costs.
     *
     * @return null if each record has to be asked about
     */
    @Nullable Object groupOfSlices(TopicPartition partition);

    /** How many tokens so many records take of a {@link #groupOfSlices}. */
    long tokensOf(int records);

    /**
     * Takes as many tokens of a {@link #groupOfSlices} as there are.
     *
     * @param most no more than so many, at least 1
     * @param now the present time in nanoseconds
     * @return how many were taken
     */
    long takeUpTo(Object group, long most, long now);

    /**
     * In how many nanoseconds to ask for so many tokens again.
     *
     * @param tokens at least 1
     * @param now the present time in nanoseconds
     */
    long nanosUntil(Object group, long tokens, long now);

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
