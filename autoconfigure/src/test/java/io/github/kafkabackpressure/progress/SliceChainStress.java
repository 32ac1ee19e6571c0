package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.progress.Slice.Side;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A worker goes from a slice to the one that waits behind it while the consumer breaks both up: it must not run a record
 * of the second as long as one of the first is still to be handed out. Results: records that the worker ran of the
 * first and of the second slice.
 */
public class SliceChainStress {

    /** Runs a lane's slices one after the other, as a worker does. */
    private static int[] run(TestSlice[] chain) {
        int[] ran = new int[chain.length];
        for (LaneTask task = chain[0];
                task instanceof TestSlice slice;
                task = slice.inLane().finish()) {
            while (slice.claim(false) >= 0) {
                ran[slice == chain[0] ? 0 : 1]++;
            }
        }
        return ran;
    }

    private static TestSlice[] chain() {
        TestSlice[] chain = {new TestSlice(1), new TestSlice(1)};
        chain[0].append(chain[1]);
        return chain;
    }

    /** As the product does it: the newest first. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = Expect.FORBIDDEN, desc = "the second slice overtook the first")
    @Outcome(expect = Expect.ACCEPTABLE, desc = "in order")
    @State
    public static class NewestFirst {

        private final TestSlice[] chain = chain();

        private int[] ran = new int[2];

        @Actor
        public void worker() {
            ran = run(chain);
        }

        @Actor
        public void consumer() {
            chain[1].breakUp(Side.CONSUMER);
            chain[0].breakUp(Side.CONSUMER);
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = ran[0];
            result.r2 = ran[1];
        }
    }

    /** Broken: the oldest first, so the worker passes by it to the one that is still whole. */
    @JCStressTest
    @Outcome(id = "0, 1", expect = Expect.FORBIDDEN, desc = "the second slice overtook the first")
    @Outcome(expect = Expect.ACCEPTABLE, desc = "in order")
    @State
    public static class BrokenOldestFirst {

        private final TestSlice[] chain = chain();

        private int[] ran = new int[2];

        @Actor
        public void worker() {
            ran = run(chain);
        }

        @Actor
        public void consumer() {
            chain[0].breakUp(Side.CONSUMER);
            chain[1].breakUp(Side.CONSUMER);
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = ran[0];
            result.r2 = ran[1];
        }
    }
}
