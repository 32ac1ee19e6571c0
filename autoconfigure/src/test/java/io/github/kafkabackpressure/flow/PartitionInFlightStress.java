package io.github.kafkabackpressure.flow;

import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/**
 * The consumer closes a partition while a worker starts and finishes its only queued record: either the worker handles
 * it or closing drops it, and nothing stays in flight. Results: started, dropped, in flight, running.
 */
public class PartitionInFlightStress {

    /** The product's counts. */
    @JCStressTest
    @Outcome(id = "1, 0, 0, 0", expect = Expect.ACCEPTABLE, desc = "handled")
    @Outcome(id = "0, 1, 0, 0", expect = Expect.ACCEPTABLE, desc = "dropped")
    @Outcome(expect = Expect.FORBIDDEN, desc = "lost, doubled or left in flight")
    @State
    public static class HandledOrDropped {

        private final PartitionInFlight counts = new PartitionInFlight();

        public HandledOrDropped() {
            counts.add(1);
        }

        @Actor
        public void worker(IIII_Result result) {
            if (counts.start()) {
                result.r1 = 1;
                counts.finish();
            }
        }

        @Actor
        public void consumer(IIII_Result result) {
            result.r2 = counts.close();
        }

        @Arbiter
        public void afterwards(IIII_Result result) {
            result.r3 = counts.inFlight();
            result.r4 = counts.running();
        }
    }

    /** Broken: counts and state are words of their own, each atomic. */
    @JCStressTest
    @Outcome(
            id = {"1, 0, 0, 0", "0, 1, 0, 0"},
            expect = Expect.ACCEPTABLE,
            desc = "as it should be")
    @Outcome(expect = Expect.FORBIDDEN, desc = "lost, doubled or left in flight")
    @State
    public static class BrokenInSeveralWords {

        private final AtomicInteger inFlight = new AtomicInteger(1);

        private final AtomicInteger running = new AtomicInteger();

        private volatile boolean closed;

        @Actor
        public void worker(IIII_Result result) {
            if (!closed) {
                running.incrementAndGet();
                result.r1 = 1;
                running.decrementAndGet();
                inFlight.decrementAndGet();
            }
        }

        @Actor
        public void consumer(IIII_Result result) {
            closed = true;
            int queued = inFlight.get() - running.get();
            inFlight.addAndGet(-queued);
            result.r2 = queued;
        }

        @Arbiter
        public void afterwards(IIII_Result result) {
            result.r3 = inFlight.get();
            result.r4 = running.get();
        }
    }
}
