package io.github.kafkabackpressure.progress;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/**
 * The consumer appends a task to the one that a worker is finishing: exactly one of them sees that it may run. Results:
 * whether the appended task waits, whether the worker hands over to it.
 */
public class LaneTaskStress {

    /** The product's lane. */
    @JCStressTest
    @Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "waits and is handed over")
    @Outcome(id = "false, false", expect = Expect.ACCEPTABLE, desc = "runs at once")
    @Outcome(id = "true, false", expect = Expect.FORBIDDEN, desc = "waits for ever")
    @Outcome(id = "false, true", expect = Expect.FORBIDDEN, desc = "runs twice")
    @State
    public static class ExactlyOneSide {

        private final TestTask first = new TestTask(1);

        private final TestTask second = new TestTask(2);

        @Actor
        public void consumer(ZZ_Result result) {
            result.r1 = first.append(second);
        }

        @Actor
        public void worker(ZZ_Result result) {
            result.r2 = first.finish() == second;
        }
    }

    /** Broken: each side looks at the field and then writes it. */
    @JCStressTest
    @Outcome(
            id = {"true, true", "false, false"},
            expect = Expect.ACCEPTABLE,
            desc = "as it should be")
    @Outcome(expect = Expect.FORBIDDEN, desc = "waits for ever, or runs twice")
    @State
    public static class BrokenLookThenLink {

        private static final Object FINISHED = new Object();

        private final Object second = new Object();

        private volatile Object next;

        @Actor
        public void consumer(ZZ_Result result) {
            if (next == null) {
                next = second;
                result.r1 = true;
            }
        }

        @Actor
        public void worker(ZZ_Result result) {
            result.r2 = next == second;
            next = FINISHED;
        }
    }
}
