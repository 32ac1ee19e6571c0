package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;

/**
 * What a listener tells those who measure it. What it has at a moment (in flight, queued, paused) is read from the
 * container instead.
 *
 * <p>Threading: called by the consumers' threads and the workers at the same time. An implementation must be quick and
 * does not throw: what it throws is logged once and harms nothing.
 */
public interface ListenerMetrics {

    /** Measures nothing. */
    ListenerMetrics NOOP = new ListenerMetrics() {
        @Override
        public boolean wantsRecords() {
            return false;
        }
    };

    /**
     * Whether records are to be told of at all: by {@link #started(long)} and {@link #finished(RecordOutcome, long)}, or, of
     * handlers that only compute, by {@link #started(long, int)} and {@link #finished(RecordOutcome, long, int)}.
     */
    default boolean wantsRecords() {
        return true;
    }

    /** The listener has stopped: nothing of it is to be measured any more. */
    default void close() {}

    /**
     * A worker took a record from its lane.
     *
     * @param waitedNanos how long the record had waited there, in nanoseconds
     */
    default void started(long waitedNanos) {}

    /**
     * Records were taken together which are so quick that they are not timed one by one. Unless it is overridden, it is
     * {@link #started(long)} for each of them.
     *
     * @param waitedNanos how long each of them had waited, in nanoseconds
     * @param records how many they are
     */
    default void started(long waitedNanos, int records) {
        for (int record = 0; record < records; record++) {
            started(waitedNanos);
        }
    }

    /**
     * A record's handling ended.
     *
     * @param outcome how
     * @param handledNanos how long it took, retries included, in nanoseconds
     */
    default void finished(RecordOutcome outcome, long handledNanos) {}

    /**
     * The handling of such quick records ended. Unless it is overridden, it is {@link #finished(RecordOutcome, long)} for
     * each of them.
     *
     * @param outcome how
     * @param handledNanos how long each of them took on average, in nanoseconds
     * @param records how many they are
     */
    default void finished(RecordOutcome outcome, long handledNanos, int records) {
        for (int record = 0; record < records; record++) {
            finished(outcome, handledNanos);
        }
    }

    /**
     * A record was dropped unhandled, as the listener has more of them than it may have in flight.
     *
     * @param strategy what dropped it, as the property has it, such as {@code drop-oldest}
     * @param reason why
     */
    default void dropped(String strategy, DropReason reason) {}

    /** The listener, or one of its partitions, was paused. */
    default void paused(PauseReason reason) {}

    /** What was paused for the reason is resumed. */
    default void resumed(PauseReason reason) {}

    /**
     * A commit of frontiers was answered.
     *
     * @param success whether the broker has taken it
     */
    default void committed(boolean success) {}
}
