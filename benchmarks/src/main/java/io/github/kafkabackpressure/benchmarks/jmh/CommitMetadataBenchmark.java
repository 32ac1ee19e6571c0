package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.progress.OffsetTracker;
import io.github.kafkabackpressure.progress.RememberedProgress;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What it takes to remember in a commit which of 100,000 records beyond the frontier are finished. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CommitMetadataBenchmark {

    private static final int RECORDS = 100_000;

    /** The share of the records that are finished; 0.999 is what some hundred in flight leave. */
    @Param({"0.5", "0.9", "0.999"})
    double finished;

    private final OffsetTracker tracker = new OffsetTracker(0);

    private String text = "";

    private OffsetRanges remembered = OffsetRanges.NONE;

    @Setup
    public void finishSome() {
        Random random = new Random(1);
        tracker.register(0, RECORDS);
        for (int number = 1; number < RECORDS; number++) {
            if (random.nextDouble() < finished) {
                tracker.finish(number);
            }
        }
        text = encode();
        remembered = tracker.finishedBeyond();
    }

    /** 100,000,000 a second are a millisecond for all of them. */
    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public String encode() {
        return CommitMetadata.encode(
                new RememberedProgress(tracker.frontier(), 1, 1, tracker.finishedBeyond()), Integer.MAX_VALUE);
    }

    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public CommitMetadata.Decoded decode() {
        return CommitMetadata.decode(text);
    }

    /** Records that are found to be finished already, or not. */
    @Benchmark
    @OperationsPerInvocation(RECORDS)
    public long skip() {
        OffsetTracker next = new OffsetTracker(-1);
        next.remember(new RememberedProgress(0, 1, 1, remembered));
        for (long offset = 0; offset < RECORDS; offset++) {
            boolean done = next.isRemembered(offset);
            long number = next.register(offset);
            if (done) {
                next.finish(number);
            }
        }
        return next.frontier();
    }
}
