package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.OffsetTracker;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Records registered and finished a second, by the order in which they finish. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class OffsetTrackerBenchmark {

    private static final int WINDOW = 1000;

    private static final int WAITING = 100_000;

    private final OffsetTracker tracker = new OffsetTracker(0);

    private final long[] numbers = new long[WINDOW];

    private long offset;

    @Benchmark
    @OperationsPerInvocation(WINDOW)
    public long finishedInOrder() {
        register(1);
        for (int i = 0; i < WINDOW; i++) {
            tracker.finish(numbers[i]);
        }
        return tracker.frontier();
    }

    @Benchmark
    @OperationsPerInvocation(WINDOW)
    public long finishedNewestFirst() {
        register(1);
        for (int i = WINDOW - 1; i >= 0; i--) {
            tracker.finish(numbers[i]);
        }
        return tracker.frontier();
    }

    /** Every other offset is a hole, as after compaction. */
    @Benchmark
    @OperationsPerInvocation(WINDOW)
    public long finishedInOrderWithHoles() {
        register(2);
        for (int i = 0; i < WINDOW; i++) {
            tracker.finish(numbers[i]);
        }
        return tracker.frontier();
    }

    /** As a slice does it: in one call for all. */
    @Benchmark
    @OperationsPerInvocation(WINDOW)
    public long finishedInRanges() {
        long first = tracker.register(offset, WINDOW);
        offset += WINDOW;
        tracker.finish(first, WINDOW);
        return tracker.frontier();
    }

    /** One record is stuck while a hundred thousand after it finish; then it finishes, too. */
    @Benchmark
    @OperationsPerInvocation(WAITING)
    public long finishedBehindAStuckRecord() {
        long stuck = tracker.register(offset++);
        for (int i = 1; i < WAITING; i++) {
            tracker.finish(tracker.register(offset++));
        }
        tracker.finish(stuck);
        return tracker.frontier();
    }

    private void register(int step) {
        for (int i = 0; i < WINDOW; i++) {
            numbers[i] = tracker.register(offset);
            offset += step;
        }
    }
}
