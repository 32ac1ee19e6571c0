package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.BooleanGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lanes, workers and mailbox together: a key's tasks run one at a time in their order, and all of them run. The two
 * keys have one place in the table, so that forgetting the one's lane moves the other's.
 */
@Tag("interleavings")
class KeyLanesLincheckTests {

    @Test
    void noInterleavingBreaksTheOrderOfAKeyOrLeavesATaskBehind() {
        Interleavings.modelCheck(ProductKeys.class, InOrder.class);
    }

    @Test
    void stressBreaksNoOrderOfAKeyAndLeavesNoTaskBehind() {
        Interleavings.stress(ProductKeys.class, InOrder.class);
    }

    @Test
    void aWorkerThatFreesTheLaneBeforeItsTaskHasRunIsCaught() {
        Interleavings.assertCaught(FreedTooEarly.class, InOrder.class);
    }

    /** What must be seen of a worker whichever way the others come in between. */
    public static class InOrder {

        public void append(boolean key) {}

        public void takeIn() {}

        public boolean runsOutOfOrder() {
            return false;
        }
    }

    /** The consumer's and the workers' part around the lanes. */
    abstract static class Work {

        private final KeyLanes lanes = new KeyLanes();

        private final CompletionMailbox mailbox = new CompletionMailbox();

        private final Queue<TestTask> ready = new ConcurrentLinkedQueue<>();

        /** Of each key: how many were appended, have begun, have ended. */
        private final AtomicInteger[] appended = {new AtomicInteger(), new AtomicInteger()};

        private final AtomicInteger[] begun = {new AtomicInteger(), new AtomicInteger()};

        private final AtomicInteger[] ended = {new AtomicInteger(), new AtomicInteger()};

        /** A hash whose lane has the same place in an empty table as that of 1. */
        private static int neighbour() {
            int hash = 2;
            while ((LaneTask.lane(hash) & 15) != (LaneTask.lane(1) & 15)) {
                hash++;
            }
            return hash;
        }

        /** A key that lies beside the other one. */
        private record Key(int id) {

            @Override
            public int hashCode() {
                return id == 0 ? 1 : neighbour();
            }
        }

        void doAppend(int key) {
            TestTask task = new TestTask(appended[key].getAndIncrement(), new Key(key));
            if (!lanes.append(task)) {
                ready.add(task);
            }
        }

        boolean doRun(boolean freesTheLaneFirst) {
            TestTask task = ready.poll();
            if (task == null) {
                return false;
            }
            if (freesTheLaneFirst) {
                free(task);
            }
            int key = ((Key) task.laneKey()).id();
            boolean inOrder = begun[key].getAndIncrement() == task.number;
            boolean alone = ended[key].getAndIncrement() == task.number;
            if (!freesTheLaneFirst) {
                free(task);
            }
            return !inOrder || !alone;
        }

        private void free(TestTask task) {
            TestTask next = (TestTask) task.finish();
            mailbox.put(task);
            if (next != null) {
                ready.add(next);
            }
        }

        void doTakeIn() {
            LaneTask task = mailbox.takeAll();
            while (task != null) {
                LaneTask next = CompletionMailbox.next(task);
                lanes.finished(task);
                task = next;
            }
        }

        void checkNothingIsLeftBehind() {
            while (!ready.isEmpty()) {
                if (doRun(false)) {
                    throw new IllegalStateException("a task runs out of order");
                }
            }
            doTakeIn();
            if (ended[0].get() != appended[0].get() || ended[1].get() != appended[1].get()) {
                throw new IllegalStateException("a task never runs");
            }
            if (lanes.size() != 0) {
                throw new IllegalStateException("an empty lane is never forgotten");
            }
        }
    }

    /** As the product does it. */
    @Param(name = "key", gen = BooleanGen.class)
    public static class ProductKeys extends Work {

        @Operation(nonParallelGroup = "consumer")
        public void append(@Param(name = "key") boolean key) {
            doAppend(key ? 1 : 0);
        }

        @Operation(nonParallelGroup = "consumer")
        public void takeIn() {
            doTakeIn();
        }

        @Operation
        public boolean runsOutOfOrder() {
            return doRun(false);
        }

        @Validate
        public void nothingIsLeftBehind() {
            checkNothingIsLeftBehind();
        }
    }

    /** Broken: lets the next task run while the one before it does. */
    @Param(name = "key", gen = BooleanGen.class)
    public static class FreedTooEarly extends Work {

        @Operation(nonParallelGroup = "consumer")
        public void append(@Param(name = "key") boolean key) {
            doAppend(key ? 1 : 0);
        }

        @Operation(nonParallelGroup = "consumer")
        public void takeIn() {
            doTakeIn();
        }

        @Operation
        public boolean runsOutOfOrder() {
            return doRun(true);
        }

        @Validate
        public void nothingIsLeftBehind() {
            checkNothingIsLeftBehind();
        }
    }
}
