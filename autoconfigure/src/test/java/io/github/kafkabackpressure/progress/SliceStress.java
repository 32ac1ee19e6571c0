package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.progress.Slice.Side;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A worker runs a slice of two records while the consumer breaks it up and hands out the rest. Results: how many records
 * were handled exactly once, by the slice or by being handed out; how many were accounted for.
 */
public class SliceStress {

    private static final int SIZE = 2;

    private static int once(int[] byWorker, int[] handedOut) {
        int once = 0;
        for (int index = 0; index < SIZE; index++) {
            once += byWorker[index] + handedOut[index] == 1 ? 1 : 0;
        }
        return once;
    }

    /** The product's slice. */
    @JCStressTest
    @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "each record once")
    @Outcome(expect = Expect.FORBIDDEN, desc = "lost or doubled")
    @State
    public static class EachRecordOnce {

        private final TestSlice slice = new TestSlice(SIZE);

        private final int[] handled = new int[SIZE];

        private final int[] handedOut = new int[SIZE];

        private int accountedByWorker;

        private int accountedByConsumer;

        @Actor
        public void worker() {
            int index = slice.claim(true);
            while (index >= 0) {
                handled[index]++;
                index = slice.claim(true);
                accountedByWorker += index == Slice.BROKEN_UP ? 0 : slice.toAccount();
            }
            if (index == Slice.BROKEN_UP && slice.current() != null) {
                accountedByWorker++; // as a task of its own
            }
        }

        @Actor
        public void consumer() {
            accountedByConsumer += Math.max(0, slice.breakUp(Side.CONSUMER));
            for (int index = slice.isOver() ? SIZE : slice.claimed(); index < SIZE; index++) {
                handedOut[index]++;
                accountedByConsumer++;
            }
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = once(handled, handedOut);
            result.r2 = accountedByWorker + accountedByConsumer;
        }
    }

    /** Broken: looks whether it is broken up, and then claims. */
    @JCStressTest
    @Outcome(id = "2, 2", expect = Expect.ACCEPTABLE, desc = "as it should be")
    @Outcome(expect = Expect.FORBIDDEN, desc = "lost or doubled")
    @State
    public static class BrokenLookThenClaim {

        private final AtomicInteger claimed = new AtomicInteger();

        private volatile boolean broken;

        private final int[] handled = new int[SIZE];

        private final int[] handedOut = new int[SIZE];

        @Actor
        public void worker() {
            while (!broken && claimed.get() < SIZE) {
                handled[claimed.getAndIncrement()]++;
            }
        }

        @Actor
        public void consumer() {
            broken = true;
            for (int index = claimed.get(); index < SIZE; index++) {
                handedOut[index]++;
            }
        }

        @Arbiter
        public void afterwards(II_Result result) {
            result.r1 = once(handled, handedOut);
            result.r2 = result.r1;
        }
    }
}
