package io.github.kafkabackpressure.work;

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
 * Nobody is left behind: when all is quiet, no record waits while a slot is free, and no slot is lost. A worker's
 * thread is an operation here, so that it starts as late as it pleases.
 */
@Tag("interleavings")
class WorkerPoolLincheckTests {

    @Test
    void noInterleavingLeavesARecordBehindWhileTheHandlerIsSlow() {
        Interleavings.modelCheck(SlowPool.class, Quiet.class);
    }

    @Test
    void noInterleavingLeavesARecordBehindWhileTheHandlerIsQuick() {
        Interleavings.modelCheckLongOperations(QuickPool.class, Quiet.class, 1, 2000);
    }

    @Test
    void stressLeavesNoRecordBehind() {
        Interleavings.stress(QuickPool.class, Quiet.class);
    }

    @Test
    void aWorkerThatDoesNotLookOnceMoreIsCaught() {
        Interleavings.assertCaught(PoolWithoutSecondLook.class, Quiet.class);
    }

    /** The operations give no answers; what they leave is looked at in the end. */
    public static class Quiet {

        public void submit(boolean holdsSlot) {}

        public void submit() {}

        public void work() {}

        public void complete() {}
    }

    /**
     * A pool with two slots. The records that hold theirs are over when {@code complete} says so; in the beginning one
     * holds the first slot, and the worker of another is about to start.
     */
    abstract static class Pool {

        private static final long LONG_NANOS = 100_000_000;

        private long now;

        private long tick;

        private final Queue<Runnable> startedThreads = new ConcurrentLinkedQueue<>();

        private final Queue<Slot> holding = new ConcurrentLinkedQueue<>();

        private final AtomicInteger submitted = new AtomicInteger();

        private final AtomicInteger handled = new AtomicInteger();

        private final WorkerPool<TestTask> pool =
                new WorkerPool<>(2, startedThreads::add, (TestTask.Handler) this::handle, () -> now += tick);

        Pool(boolean quick) {
            if (quick) {
                tick = -LONG_NANOS; // one record in less than no time outweighs that nothing is known yet
                pool.submit(task(false));
                while (!startedThreads.isEmpty()) {
                    doWork();
                }
                handled.set(0);
                tick = 0;
            }
            doSubmit(true);
            doWork();
            doSubmit(true);
        }

        private static TestTask task(boolean holdsSlot) {
            return new TestTask(holdsSlot ? 1 : 0);
        }

        private WorkerPool.Result handle(TestTask task, long begun) {
            handled.incrementAndGet();
            if (task.number == 1) {
                holding.add(pool.detachSlot());
                return WorkerPool.Result.HOLDS_LANE;
            }
            return WorkerPool.Result.OVER;
        }

        void doSubmit(boolean holdsSlot) {
            submitted.incrementAndGet();
            pool.submit(task(holdsSlot));
        }

        void doWork() {
            Runnable thread = startedThreads.poll();
            if (thread != null) {
                thread.run();
            }
        }

        void doComplete() {
            Slot slot = holding.poll();
            if (slot != null) {
                slot.close();
            }
        }

        void check() {
            // Threads that were started come sooner or later. No record is completed, as none may depend on that.
            while (!startedThreads.isEmpty()) {
                doWork();
            }
            if (pool.hasBacklog()) {
                throw new IllegalStateException("a record waits while a slot is free");
            }
            while (!holding.isEmpty() || !startedThreads.isEmpty()) {
                doComplete();
                doWork();
            }
            if (handled.get() != submitted.get()) {
                throw new IllegalStateException(handled + " of " + submitted + " records were handled");
            }
            handled.set(0);
            doSubmit(true);
            doSubmit(true);
            while (!startedThreads.isEmpty()) {
                doWork();
            }
            if (handled.get() != 2) {
                throw new IllegalStateException("a slot is lost");
            }
        }
    }

    /** As long as handlers are slow, every record gets a worker if it can. */
    @Param(name = "holdsSlot", gen = BooleanGen.class)
    public static class SlowPool extends Pool {

        public SlowPool() {
            super(false);
        }

        @Operation(nonParallelGroup = "consumer")
        public void submit(@Param(name = "holdsSlot") boolean holdsSlot) {
            doSubmit(holdsSlot);
        }

        @Operation
        public void work() {
            doWork();
        }

        @Operation
        public void complete() {
            doComplete();
        }

        @Validate
        public void nobodyIsLeftBehind() {
            check();
        }
    }

    /** As long as handlers are quick, one worker is trusted to take them all. */
    public static class QuickPool extends Pool {

        public QuickPool() {
            super(true);
        }

        @Operation(runOnce = true)
        public void submit() {
            doSubmit(false);
        }

        @Operation(runOnce = true)
        public void work() {
            doWork();
        }

        @Operation(runOnce = true)
        public void complete() {
            doComplete();
        }

        @Validate
        public void nobodyIsLeftBehind() {
            check();
        }
    }

    /** Broken: a pool of one worker that ends when it finds nothing, without a look at what came meanwhile. */
    public static class PoolWithoutSecondLook {

        private final Queue<Object> ready = new ConcurrentLinkedQueue<>();

        private final AtomicInteger slots = new AtomicInteger();

        private final AtomicInteger startedThreads = new AtomicInteger();

        @Operation(nonParallelGroup = "consumer")
        public void submit() {
            ready.add(this);
            if (slots.compareAndSet(0, 1)) {
                startedThreads.incrementAndGet();
            }
        }

        @Operation
        public void work() {
            int started = startedThreads.get();
            if (started > 0 && startedThreads.compareAndSet(started, started - 1)) {
                while (ready.poll() != null) {}
                slots.decrementAndGet();
            }
        }

        @Validate
        public void nobodyIsLeftBehind() {
            if (!ready.isEmpty() && slots.get() == 0) {
                throw new IllegalStateException("a record waits while a slot is free");
            }
        }
    }
}
