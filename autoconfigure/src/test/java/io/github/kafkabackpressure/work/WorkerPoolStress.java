package io.github.kafkabackpressure.work;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * A record is submitted while the only worker that there may be finds nothing more and ends: it is handled, by that
 * worker or by a new one. The result is how many of the two records were handled.
 */
public class WorkerPoolStress {

    /** The product's pool, with one slot. */
    @JCStressTest
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "both are handled")
    @Outcome(expect = Expect.FORBIDDEN, desc = "one is left behind")
    @State
    public static class NobodyIsLeftBehind {

        private final Queue<Runnable> started = new ConcurrentLinkedQueue<>();

        private final AtomicInteger handled = new AtomicInteger();

        private final WorkerPool<TestTask> pool = new WorkerPool<>(
                1,
                started::add,
                (TestTask.Handler) (task, begun) -> {
                    handled.incrementAndGet();
                    return WorkerPool.Result.OVER;
                },
                () -> 0);

        public NobodyIsLeftBehind() {
            submit();
        }

        private void submit() {
            pool.submit(new TestTask(0));
        }

        @Actor
        public void consumer() {
            submit();
        }

        @Actor
        public void worker() {
            started.poll().run();
        }

        @Arbiter
        public void afterwards(I_Result result) {
            while (!started.isEmpty()) {
                started.poll().run();
            }
            result.r1 = handled.get();
        }
    }

    /** Broken: the worker does not look once more after it has given its slot back. */
    @JCStressTest
    @Outcome(id = "2", expect = Expect.ACCEPTABLE, desc = "both are handled")
    @Outcome(expect = Expect.FORBIDDEN, desc = "one is left behind")
    @State
    public static class BrokenWithoutSecondLook {

        private final Queue<Object> ready = new ConcurrentLinkedQueue<>();

        private final AtomicInteger slots = new AtomicInteger(1);

        private final AtomicInteger handled = new AtomicInteger();

        public BrokenWithoutSecondLook() {
            ready.add(this);
        }

        private void work() {
            while (ready.poll() != null) {
                handled.incrementAndGet();
            }
            slots.set(0);
        }

        @Actor
        public void consumer() {
            ready.add(this);
            if (slots.compareAndSet(0, 1)) {
                work();
            }
        }

        @Actor
        public void worker() {
            work();
        }

        @Arbiter
        public void afterwards(I_Result result) {
            result.r1 = handled.get();
        }
    }
}
