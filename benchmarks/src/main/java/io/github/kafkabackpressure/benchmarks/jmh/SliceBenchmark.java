package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.LaneTask;
import io.github.kafkabackpressure.progress.Slice;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Records of a slice claimed and finished a second, without what handles them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SliceBenchmark {

    private static final int SIZE = 250;

    private static final int ACCOUNTED_TOGETHER = 32;

    /** A worker that nobody disturbs. */
    @Benchmark
    @OperationsPerInvocation(SIZE)
    public int claimed() {
        Slice slice = new TestSlice();
        int accounted = 0;
        for (int index = slice.claim(false); index >= 0; ) {
            index = slice.claim((index + 1) % ACCOUNTED_TOGETHER == 0);
            accounted += slice.toAccount();
        }
        return accounted;
    }

    private static final class TestSlice extends Slice {

        TestSlice() {
            super(SIZE);
        }

        @Override
        protected LaneTask taskOf(int index) {
            throw new IllegalStateException("nobody breaks it up");
        }
    }
}
