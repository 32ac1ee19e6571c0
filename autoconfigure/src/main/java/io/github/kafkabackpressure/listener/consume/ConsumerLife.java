package io.github.kafkabackpressure.listener.consume;

import com.google.errorprone.annotations.CanIgnoreReturnValue;
import java.util.EnumSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where a consumer is in its life, whose thread it is, and when it was last known to poll.
 *
 * <p>Threading: the consumer's thread, but for {@link #isForeign}.
 */
public final class ConsumerLife {

    /** The states. */
    public enum State {

        /** It has not polled: whoever has it is its thread. */
        NEW,

        /** The loop runs, or a tick; a worker may end the next poll. */
        BETWEEN_POLLS,

        /** As before, but a worker has ended the last poll: the next one is a real one, which nobody can end. */
        CUT_SHORT,

        /** Kafka's poll runs. */
        POLLING,

        /** Kafka calls back: meanwhile what is assigned changes. */
        CALLED_BACK,

        /** The loop has ended, and all partitions leave. */
        LEAVING,

        /** Kafka calls back because the consumer leaves, not from a poll of the loop. */
        LEAVING_CALLED_BACK,

        /** It is closed, or about to be. */
        CLOSED
    }

    /** From a state to those that may follow. A call back ends in the state that it began in. */
    public static final Map<State, Set<State>> MOVES = Map.of(
            State.NEW, EnumSet.of(State.POLLING, State.CALLED_BACK, State.LEAVING, State.CLOSED),
            State.BETWEEN_POLLS, EnumSet.of(State.POLLING, State.CALLED_BACK, State.LEAVING, State.CLOSED),
            State.CUT_SHORT, EnumSet.of(State.POLLING, State.CALLED_BACK, State.LEAVING, State.CLOSED),
            State.POLLING,
                    EnumSet.of(
                            State.BETWEEN_POLLS,
                            State.CUT_SHORT,
                            State.CALLED_BACK,
                            State.LEAVING_CALLED_BACK,
                            State.CLOSED),
            State.CALLED_BACK,
                    EnumSet.of(
                            State.NEW,
                            State.BETWEEN_POLLS,
                            State.CUT_SHORT,
                            State.POLLING,
                            State.CALLED_BACK,
                            State.LEAVING,
                            State.CLOSED),
            State.LEAVING,
                    EnumSet.of(
                            State.NEW,
                            State.BETWEEN_POLLS,
                            State.CUT_SHORT,
                            State.CALLED_BACK,
                            State.LEAVING_CALLED_BACK,
                            State.CLOSED),
            State.LEAVING_CALLED_BACK,
                    EnumSet.of(State.POLLING, State.LEAVING, State.LEAVING_CALLED_BACK, State.CLOSED),
            State.CLOSED, EnumSet.of(State.LEAVING, State.LEAVING_CALLED_BACK));

    private final LongSupplier nanoTime;

    private State state = State.NEW;

    private @Nullable Thread thread;

    private long polledAt;

    public ConsumerLife(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.polledAt = nanoTime.getAsLong();
    }

    public State state() {
        return state;
    }

    /**
     * Moves on. Returns the state that it was in.
     *
     * @throws IllegalStateException if there is no such move
     */
    @CanIgnoreReturnValue
    public State transitionTo(State next) {
        State before = state;
        if (!Objects.requireNonNull(MOVES.get(before)).contains(next)) {
            throw new IllegalStateException("a consumer that is " + before + " cannot become " + next);
        }
        state = next;
        return before;
    }

    /** Whether Kafka calls back. */
    public boolean isCalledBack() {
        return isCalledBack(state);
    }

    /** Whether Kafka calls back in a state. */
    static boolean isCalledBack(State state) {
        return state == State.CALLED_BACK || state == State.LEAVING_CALLED_BACK;
    }

    /** Whether the loop has ended. */
    public boolean isLeaving() {
        return state == State.LEAVING || state == State.LEAVING_CALLED_BACK || state == State.CLOSED;
    }

    /** Takes in that Kafka calls back. Returns the state that it was in. */
    public State beginCallBack() {
        return transitionTo(
                switch (state) {
                    case LEAVING, LEAVING_CALLED_BACK, CLOSED -> State.LEAVING_CALLED_BACK;
                    case NEW, BETWEEN_POLLS, CUT_SHORT, POLLING, CALLED_BACK -> State.CALLED_BACK;
                });
    }

    /** Takes in that a call to Kafka, or of Kafka's, is over, unless the consumer has been closed meanwhile. */
    public void end(State next) {
        if (state != State.CLOSED) {
            transitionTo(next);
        }
    }

    /** Takes in that the calling thread is the loop's; refuses others once there is one. */
    public void isMine() {
        requireOwnThread();
        thread = Thread.currentThread();
    }

    /** Whether the caller is another thread than that of the loop, so one that handles records. Called by any thread. */
    public boolean isForeign() {
        return thread != null && thread != Thread.currentThread();
    }

    /**
     * Refuses calls by other threads. Kafka's consumer refuses them only while it works, and else works for them,
     * meanwhile refusing its own thread.
     */
    public void requireOwnThread() {
        if (isForeign()) {
            throw new IllegalStateException("Kafka's consumer serves its own thread only, and not one that handles"
                    + " records. Commits follow from the end of the method or the Acknowledgment; seek by"
                    + " ConsumerSeekAware; pause and resume by the listener's container.");
        }
    }

    /** Takes in that it is, or has just been, in a poll. */
    public void polls() {
        polledAt = nanoTime.getAsLong();
    }

    /** When the loop was last known to be in a poll, on the run's clock. */
    long polledAt() {
        return polledAt;
    }
}
