package io.github.kafkabackpressure.buffer;

import org.jspecify.annotations.Nullable;

/**
 * Says when a record that could start may start: the place of rate limits.
 *
 * <p>Threading: called under the lock of the {@link WaitingRoom}; must be quick and must not call back.
 *
 * @param <E> what waits
 */
public interface StartGate<E> {

    /**
     * The records that wait for one another at this gate: while one of a group must wait, so must the others, and they
     * pass by priority, then in the order in which their turn came.
     *
     * @return equal for records of one group; null if the record passes in any case
     */
    @Nullable Object groupOf(E record);

    /**
     * Lets a record pass if it may start now; then it is started.
     *
     * @param group what {@link #groupOf} answered
     * @param now the present time in nanoseconds
     * @return zero if it passes, else in how many nanoseconds to ask again
     */
    long tryPass(E record, Object group, long now);
}
