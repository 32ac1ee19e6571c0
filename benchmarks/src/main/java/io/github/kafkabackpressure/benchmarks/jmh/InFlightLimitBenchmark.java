package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.flow.InFlightLimit;
import io.github.kafkabackpressure.flow.Watermarks;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** Records a second in and out of the limit: room for a poll is taken at once and given back record by record. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class InFlightLimitBenchmark {

    private static final int POLL = 250;

    private final InFlightLimit limit = new InFlightLimit(Watermarks.of(1000, 0.5));

    @Benchmark
    @OperationsPerInvocation(POLL)
    public int alone() {
        return pollAndFinish();
    }

    /** Two threads that share the limit, each a consumer and its worker. */
    @Benchmark
    @Threads(2)
    @OperationsPerInvocation(POLL)
    public int shared() {
        return pollAndFinish();
    }

    private int pollAndFinish() {
        if (!limit.tryReserve(POLL)) {
            throw new IllegalStateException("There is room for four polls");
        }
        limit.settle(POLL, POLL);
        int wakeUps = 0;
        for (int i = 0; i < POLL; i++) {
            limit.release(1);
            if (limit.shouldWakeWaiting(POLL)) {
                wakeUps++;
            }
        }
        return wakeUps;
    }
}
