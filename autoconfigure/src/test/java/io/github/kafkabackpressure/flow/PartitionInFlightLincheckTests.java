package io.github.kafkabackpressure.flow;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Closing tells exactly the queued records from the running ones. Of two records that run and two that wait, workers
 * start and finish one after the other while the consumer closes.
 */
@Tag("interleavings")
class PartitionInFlightLincheckTests {

    @Test
    void noInterleavingLosesOrDoublesARecord() {
        Interleavings.modelCheck(ProductCounts.class, SequentialCounts.class);
    }

    @Test
    void stressLosesAndDoublesNoRecord() {
        Interleavings.stress(ProductCounts.class, SequentialCounts.class);
    }

    @Test
    void countsInSeveralWordsAreCaught() {
        Interleavings.assertCaught(SeparateCounts.class, SequentialCounts.class);
    }

    /** The counts under no contention. */
    public static class SequentialCounts {

        private int inFlight = 6;

        private int running = 2;

        private boolean closed;

        private boolean start() {
            if (closed) {
                return false;
            }
            running++;
            return true;
        }

        private int finish() {
            running--;
            return --inFlight;
        }

        public boolean startThird() {
            return start();
        }

        public boolean startFourth() {
            return start();
        }

        public int finishFirst() {
            return finish();
        }

        public int finishSecondWithSixth() {
            int left = closed ? 1 : 2;
            running--;
            inFlight -= left;
            return left;
        }

        public int leaveFifth() {
            int left = closed ? 0 : 1;
            inFlight -= left;
            return left;
        }

        public int close() {
            if (closed) {
                return 0;
            }
            closed = true;
            int queued = inFlight - running;
            inFlight = running;
            return queued;
        }

        public int inFlight() {
            return inFlight;
        }

        public boolean isClosed() {
            return closed;
        }
    }

    /** The product's counts. */
    public static class ProductCounts {

        private final PartitionInFlight counts = new PartitionInFlight();

        public ProductCounts() {
            counts.add(6);
            counts.start();
            counts.start();
        }

        @Operation(runOnce = true)
        public boolean startThird() {
            return counts.start();
        }

        @Operation(runOnce = true)
        public boolean startFourth() {
            return counts.start();
        }

        @Operation(runOnce = true)
        public int finishFirst() {
            return counts.finish();
        }

        @Operation(runOnce = true)
        public int finishSecondWithSixth() {
            return counts.finish(2);
        }

        @Operation(runOnce = true)
        public int leaveFifth() {
            return counts.leave(1);
        }

        @Operation(nonParallelGroup = "consumer")
        public int close() {
            return counts.close();
        }

        @Operation
        public int inFlight() {
            return counts.inFlight();
        }

        @Operation
        public boolean isClosed() {
            return counts.isClosed();
        }
    }

    /** Broken: counts and state are words of their own, each atomic. */
    public static class SeparateCounts {

        private final AtomicInteger inFlight = new AtomicInteger(6);

        private final AtomicInteger running = new AtomicInteger(2);

        private volatile boolean closed;

        private boolean start() {
            if (closed) {
                return false;
            }
            running.incrementAndGet();
            return true;
        }

        private int finish() {
            running.decrementAndGet();
            return inFlight.decrementAndGet();
        }

        @Operation(runOnce = true)
        public boolean startThird() {
            return start();
        }

        @Operation(runOnce = true)
        public boolean startFourth() {
            return start();
        }

        @Operation(runOnce = true)
        public int finishFirst() {
            return finish();
        }

        @Operation(runOnce = true)
        public int finishSecondWithSixth() {
            int left = closed ? 1 : 2;
            running.decrementAndGet();
            inFlight.addAndGet(-left);
            return left;
        }

        @Operation(runOnce = true)
        public int leaveFifth() {
            int left = closed ? 0 : 1;
            inFlight.addAndGet(-left);
            return left;
        }

        @Operation(nonParallelGroup = "consumer")
        public int close() {
            if (closed) {
                return 0;
            }
            closed = true;
            int queued = inFlight.get() - running.get();
            inFlight.addAndGet(-queued);
            return queued;
        }

        @Operation
        public int inFlight() {
            return inFlight.get();
        }

        @Operation
        public boolean isClosed() {
            return closed;
        }
    }
}
