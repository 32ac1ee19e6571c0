package io.github.kafkabackpressure.flow;

import java.util.concurrent.atomic.AtomicReference;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A worker leaves something and signals while the consumer looks and polls: no wake-up is lost. */
public class WakeupGateStress {

    /** The product's gate. What is left is a plain field: a signal also makes it visible. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "seen, or the poll does not block")
    @Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "seen, and the poll is woken all the same")
    @Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "not seen, and the poll is woken")
    @Outcome(id = "1, 0", expect = Expect.FORBIDDEN, desc = "not seen, and the poll blocks")
    @State
    public static class NoWakeupIsLost {

        private final WakeupGate gate = new WakeupGate(() -> woken = 1);

        private int left;

        private volatile int woken;

        @Actor
        public void worker() {
            left = 1;
            gate.signal();
        }

        @Actor
        public void consumer(II_Result result) {
            gate.beginTick();
            boolean seen = left == 1;
            result.r1 = gate.enterPoll() && !seen ? 1 : 0;
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = woken;
        }
    }

    /** Broken: looks whether there was a signal and then says that it polls. */
    @JCStressTest
    @Outcome(
            id = {"0, 0", "0, 1", "1, 1"},
            expect = Expect.ACCEPTABLE,
            desc = "as it should be")
    @Outcome(id = "1, 0", expect = Expect.FORBIDDEN, desc = "not seen, and the poll blocks")
    @State
    public static class BrokenCheckThenAct {

        private enum State {
            BUSY,
            SIGNALLED,
            POLLING
        }

        private final AtomicReference<State> state = new AtomicReference<>(State.BUSY);

        private volatile int left;

        private volatile int woken;

        @Actor
        public void worker() {
            left = 1;
            if (!state.compareAndSet(State.BUSY, State.SIGNALLED) && state.get() == State.POLLING) {
                woken = 1;
            }
        }

        @Actor
        public void consumer(II_Result result) {
            boolean seen = left == 1;
            boolean blocks = state.get() == State.BUSY;
            if (blocks) {
                state.set(State.POLLING);
            }
            result.r1 = blocks && !seen ? 1 : 0;
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r2 = woken;
        }
    }
}
