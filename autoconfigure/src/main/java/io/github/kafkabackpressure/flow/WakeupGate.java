package io.github.kafkabackpressure.flow;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Lets workers wake a consumer that polls, at most once for each poll and never in vain: a signal that comes while the
 * consumer is not polling is kept and makes the next poll return at once.
 *
 * <table>
 * <caption>States and legal moves</caption>
 * <tr><th>state</th><th>meaning</th><th>moves</th></tr>
 * <tr><td>{@code BUSY}</td><td>the consumer's thread works and will look at everything before it polls</td>
 *     <td>{@code signal} to {@code SIGNALLED}, {@code enterPoll} to {@code POLLING}</td></tr>
 * <tr><td>{@code SIGNALLED}</td><td>something came after the consumer looked</td>
 *     <td>{@code beginTick} to {@code BUSY}</td></tr>
 * <tr><td>{@code POLLING}</td><td>the consumer may be blocked in a poll</td>
 *     <td>{@code signal} to {@code WOKEN}, {@code leavePoll} to {@code BUSY}</td></tr>
 * <tr><td>{@code WOKEN}</td><td>one worker wakes the consumer, or has done so</td>
 *     <td>{@code leavePoll} to {@code SIGNALLED}: the consumer has yet to look</td></tr>
 * </table>
 *
 * <p>Threading: {@link #signal} from any thread, all else from the consumer's.
 */
public final class WakeupGate {

    private enum State {
        BUSY,
        SIGNALLED,
        POLLING,
        WOKEN
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.BUSY);

    private final Runnable wakeup;

    /**
     * Makes a gate.
     *
     * @param wakeup ends the consumer's poll, or the next one if it does not poll; called on the signalling thread
     */
    public WakeupGate(Runnable wakeup) {
        this.wakeup = wakeup;
    }

    /** Says that the consumer is about to look at everything: signals so far are answered by that. */
    public void beginTick() {
        state.set(State.BUSY);
    }

    /**
     * Says that the consumer is about to poll.
     *
     * @return false if a signal came since {@link #beginTick}: then the consumer must not block, as nobody wakes it
     */
    public boolean enterPoll() {
        return state.compareAndSet(State.BUSY, State.POLLING);
    }

    /**
     * Says that the poll is over.
     *
     * @return true if a worker woke this poll. If the poll did not end by that, the wake-up is still to come and hits
     *     the next blocking call of the consumer.
     */
    public boolean leavePoll() {
        if (state.compareAndSet(State.POLLING, State.BUSY)) {
            return false;
        }
        return state.compareAndSet(State.WOKEN, State.SIGNALLED);
    }

    /** Makes the consumer look again: ends its poll if it polls, else keeps it from blocking in the next one. */
    public void signal() {
        while (true) {
            switch (Objects.requireNonNull(state.get())) {
                case BUSY -> {
                    if (state.compareAndSet(State.BUSY, State.SIGNALLED)) {
                        return;
                    }
                }
                case POLLING -> {
                    if (state.compareAndSet(State.POLLING, State.WOKEN)) {
                        wakeup.run();
                        return;
                    }
                }
                case SIGNALLED, WOKEN -> {
                    return;
                }
            }
        }
    }
}
