package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.flow.WakeupGate;
import java.util.concurrent.atomic.LongAdder;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the gate costs a poll, and what it costs a completion. */
@State(Scope.Group)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class WakeupGateBenchmark {

    private final LongAdder wakeUps = new LongAdder();

    private final WakeupGate gate = new WakeupGate(wakeUps::increment);

    @Benchmark
    @Group("pollAlone")
    public boolean poll() {
        return tickAndPoll();
    }

    @Benchmark
    @Group("besideEachOther")
    @GroupThreads(1)
    public boolean pollBesideSignals() {
        return tickAndPoll();
    }

    @Benchmark
    @Group("besideEachOther")
    @GroupThreads(1)
    public void signal() {
        gate.signal();
    }

    private boolean tickAndPoll() {
        gate.beginTick();
        return gate.enterPoll() && gate.leavePoll();
    }
}
