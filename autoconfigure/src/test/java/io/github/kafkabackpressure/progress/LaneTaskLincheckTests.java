package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The hand-over in a lane: of a task that is being finished and one that is being appended to it, exactly one side sees
 * that the latter may run. Four tasks are in two lanes of two.
 */
@Tag("interleavings")
class LaneTaskLincheckTests {

    @Test
    void noInterleavingRunsASuccessorTwiceOrNever() {
        Interleavings.modelCheck(ProductLanes.class, SequentialLanes.class);
    }

    @Test
    void stressRunsNoSuccessorTwiceOrNever() {
        Interleavings.stress(ProductLanes.class, SequentialLanes.class);
    }

    @Test
    void aLaneThatLooksBeforeItLinksIsCaught() {
        Interleavings.assertCaught(LookThenLinkLanes.class, SequentialLanes.class);
    }

    /** The lanes under no contention. */
    public static class SequentialLanes {

        private final boolean[] appended = new boolean[2];

        private final boolean[] finished = new boolean[2];

        private boolean append(int lane) {
            appended[lane] = true;
            return !finished[lane];
        }

        private boolean finish(int lane) {
            finished[lane] = true;
            return appended[lane];
        }

        public boolean appendToOneWaits() {
            return append(0);
        }

        public boolean finishOneHandsOver() {
            return finish(0);
        }

        public boolean appendToOtherWaits() {
            return append(1);
        }

        public boolean finishOtherHandsOver() {
            return finish(1);
        }
    }

    /** The product's lanes. */
    public static class ProductLanes {

        private final TestTask[] first = {new TestTask(0), new TestTask(1)};

        private final TestTask[] second = {new TestTask(2), new TestTask(3)};

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public boolean appendToOneWaits() {
            return first[0].append(second[0]);
        }

        @Operation(runOnce = true)
        public boolean finishOneHandsOver() {
            return first[0].finish() == second[0];
        }

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public boolean appendToOtherWaits() {
            return first[1].append(second[1]);
        }

        @Operation(runOnce = true)
        public boolean finishOtherHandsOver() {
            return first[1].finish() == second[1];
        }
    }

    /** Broken: looks whether the task is finished and then links the next one to it. */
    public static class LookThenLinkLanes {

        private static final Object FINISHED = new Object();

        private final Object second = new Object();

        private final AtomicReference<Object> next = new AtomicReference<>();

        private final AtomicReference<Object> otherNext = new AtomicReference<>();

        private boolean append(AtomicReference<Object> link) {
            if (link.get() == FINISHED) {
                return false;
            }
            link.set(second);
            return true;
        }

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public boolean appendToOneWaits() {
            return append(next);
        }

        @Operation(runOnce = true)
        public boolean finishOneHandsOver() {
            return next.getAndSet(FINISHED) == second;
        }

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public boolean appendToOtherWaits() {
            return append(otherNext);
        }

        @Operation(runOnce = true)
        public boolean finishOtherHandsOver() {
            return otherNext.getAndSet(FINISHED) == second;
        }
    }
}
