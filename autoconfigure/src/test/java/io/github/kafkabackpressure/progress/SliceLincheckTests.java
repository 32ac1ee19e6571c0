package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import io.github.kafkabackpressure.progress.Slice.Side;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A worker claims the records of a slice while it and the consumer break it up: whatever comes between, all agree on
 * which records ran, which one runs, and who accounts for which.
 */
@Tag("interleavings")
class SliceLincheckTests {

    private static final int SIZE = 3;

    @Test
    void noInterleavingRunsOrAccountsForARecordTwice() {
        Interleavings.modelCheck(ProductSlice.class, SequentialSlice.class);
    }

    @Test
    void stressRunsOrAccountsForNoRecordTwice() {
        Interleavings.stress(ProductSlice.class, SequentialSlice.class);
    }

    @Test
    void aSliceThatLooksWhetherItIsBrokenUpBeforeItClaimsIsCaught() {
        Interleavings.assertCaught(LookThenClaimSlice.class, SequentialSlice.class);
    }

    /** A claim's answer and what it leaves to account for, in one. */
    private static int answer(int index, int toAccount) {
        return index < 0 ? index * 100 - toAccount : index * 100 + toAccount;
    }

    /** The slice under no contention. */
    public static class SequentialSlice {

        private int claimed;

        private int accounted;

        private boolean broken;

        private int claim(boolean accounts) {
            if (broken) {
                return answer(Slice.BROKEN_UP, 0);
            }
            int toAccount = 0;
            if (claimed > SIZE) {
                return answer(Slice.OVER, 0);
            }
            if (accounts || claimed == SIZE) {
                toAccount = claimed - accounted;
                accounted = claimed;
            }
            int index = claimed++;
            return answer(index == SIZE ? Slice.OVER : index, toAccount);
        }

        public int claim() {
            return claim(false);
        }

        public int claimAndAccount() {
            return claim(true);
        }

        private int breakUp() {
            if (broken || claimed > SIZE) {
                return -1;
            }
            broken = true;
            int toAccount = Math.max(0, claimed - 1) - accounted;
            accounted += toAccount;
            return toAccount;
        }

        public int breakUpByWorker() {
            return breakUp();
        }

        public int breakUpByConsumer() {
            return breakUp();
        }

        public int current() {
            return broken ? claimed - 1 : -1;
        }

        public int finished() {
            return Math.max(0, claimed - 1);
        }
    }

    /** The product's slice. */
    public static class ProductSlice {

        private final TestSlice slice = new TestSlice(SIZE);

        private int claim(boolean accounts) {
            if (slice.isOver()) {
                return answer(Slice.OVER, 0); // nobody claims any more then
            }
            int index = slice.claim(accounts);
            return answer(index, index == Slice.BROKEN_UP ? 0 : slice.toAccount());
        }

        @Operation(nonParallelGroup = "worker")
        public int claim() {
            return claim(false);
        }

        @Operation(nonParallelGroup = "worker")
        public int claimAndAccount() {
            return claim(true);
        }

        @Operation(nonParallelGroup = "worker")
        public int breakUpByWorker() {
            return slice.breakUp(Side.WORKER);
        }

        @Operation(nonParallelGroup = "consumer")
        public int breakUpByConsumer() {
            return slice.breakUp(Side.CONSUMER);
        }

        @Operation
        public int current() {
            return slice.currentNumber();
        }

        @Operation
        public int finished() {
            return slice.finished();
        }
    }

    /** Broken: whether it is broken up and how many have been claimed are fields of their own. */
    public static class LookThenClaimSlice {

        private final AtomicInteger claimed = new AtomicInteger();

        private final AtomicInteger accounted = new AtomicInteger();

        private volatile boolean broken;

        private int claim(boolean accounts) {
            if (broken) {
                return answer(Slice.BROKEN_UP, 0);
            }
            int index = claimed.get();
            if (index > SIZE) {
                return answer(Slice.OVER, 0);
            }
            claimed.set(index + 1);
            int toAccount = accounts || index == SIZE ? index - accounted.getAndSet(index) : 0;
            return answer(index == SIZE ? Slice.OVER : index, toAccount);
        }

        private int breakUp() {
            if (broken || claimed.get() > SIZE) {
                return -1;
            }
            broken = true;
            int finished = Math.max(0, claimed.get() - 1);
            return finished - accounted.getAndSet(finished);
        }

        @Operation(nonParallelGroup = "worker")
        public int claim() {
            return claim(false);
        }

        @Operation(nonParallelGroup = "worker")
        public int claimAndAccount() {
            return claim(true);
        }

        @Operation(nonParallelGroup = "worker")
        public int breakUpByWorker() {
            return breakUp();
        }

        @Operation(nonParallelGroup = "consumer")
        public int breakUpByConsumer() {
            return breakUp();
        }

        @Operation
        public int current() {
            return broken ? claimed.get() - 1 : -1;
        }

        @Operation
        public int finished() {
            return Math.max(0, claimed.get() - 1);
        }
    }
}
