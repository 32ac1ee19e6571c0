package io.github.kafkabackpressure.flow;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * No signal is lost: whatever a worker left before it signalled, the consumer has seen it, or its poll is woken, by the
 * time that it would block.
 */
@Tag("interleavings")
class WakeupGateLincheckTests {

    @Test
    void noInterleavingLosesASignal() {
        Interleavings.modelCheck(ProductGate.class, NeverStuck.class);
    }

    @Test
    void stressLosesNoSignal() {
        Interleavings.stress(ProductGate.class, NeverStuck.class);
    }

    @Test
    void aGateThatChecksBeforeItActsIsCaught() {
        Interleavings.assertCaught(CheckThenActGate.class, NeverStuck.class);
    }

    /** What must be seen of a worker and of the consumer's loop whichever way they interleave. */
    public static class NeverStuck {

        public void work() {}

        public boolean loopGetsStuck() {
            return false;
        }
    }

    /** A worker's and the consumer's part around a gate. */
    abstract static class Loop {

        private final AtomicInteger left = new AtomicInteger();

        private final AtomicInteger signalling = new AtomicInteger();

        volatile boolean woken;

        abstract void beginTick();

        abstract boolean enterPoll();

        abstract void leavePoll();

        abstract void signal();

        void leaveAndSignal() {
            signalling.incrementAndGet();
            left.incrementAndGet();
            signal();
            signalling.decrementAndGet();
        }

        boolean tickAndPoll() {
            beginTick();
            int seen = left.get();
            boolean mayBlock = enterPoll();
            boolean unseen = left.get() > seen;
            boolean nobodyWillWake = signalling.get() == 0;
            boolean stuck = mayBlock && unseen && nobodyWillWake && !woken;
            leavePoll();
            woken = false;
            return stuck;
        }
    }

    /** The product's gate. */
    public static class ProductGate extends Loop {

        private final WakeupGate gate = new WakeupGate(() -> woken = true);

        @Override
        void beginTick() {
            gate.beginTick();
        }

        @Override
        boolean enterPoll() {
            return gate.enterPoll();
        }

        @Override
        void leavePoll() {
            gate.leavePoll();
        }

        @Override
        void signal() {
            gate.signal();
        }

        @Operation
        public void work() {
            leaveAndSignal();
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean loopGetsStuck() {
            return tickAndPoll();
        }
    }

    /** Broken: the consumer looks whether there was a signal and then says that it polls. */
    public static class CheckThenActGate extends Loop {

        private enum State {
            BUSY,
            SIGNALLED,
            POLLING,
            WOKEN
        }

        private final AtomicReference<State> state = new AtomicReference<>(State.BUSY);

        @Override
        void beginTick() {
            state.set(State.BUSY);
        }

        @Override
        boolean enterPoll() {
            if (state.get() != State.BUSY) {
                return false;
            }
            state.set(State.POLLING);
            return true;
        }

        @Override
        void leavePoll() {
            state.set(State.BUSY);
        }

        @Override
        void signal() {
            if (!state.compareAndSet(State.BUSY, State.SIGNALLED) && state.compareAndSet(State.POLLING, State.WOKEN)) {
                woken = true;
            }
        }

        @Operation
        public void work() {
            leaveAndSignal();
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean loopGetsStuck() {
            return tickAndPoll();
        }
    }
}
