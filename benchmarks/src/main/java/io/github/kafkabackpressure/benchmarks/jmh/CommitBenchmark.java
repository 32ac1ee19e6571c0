package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetTracker;
import io.github.kafkabackpressure.progress.RememberedProgress;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/**
 * What a commit of twelve partitions says while records are handled as fast as they come and a thousand are in flight, as the
 * consumer's thread puts it together each {@code commit-interval}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CommitBenchmark {

    private static final int PARTITIONS = 12;

    private static final int IN_FLIGHT = 1_000 / PARTITIONS;

    private final OffsetTracker[] trackers = new OffsetTracker[PARTITIONS];

    @Setup
    public void finishSome() {
        Random random = new Random(1);
        for (int partition = 0; partition < PARTITIONS; partition++) {
            OffsetTracker tracker = new OffsetTracker(1_000_000);
            tracker.register(1_000_000, IN_FLIGHT);
            for (int number = 1; number < IN_FLIGHT; number++) {
                if (random.nextBoolean()) {
                    tracker.finish(number);
                }
            }
            trackers[partition] = tracker;
        }
    }

    @Benchmark
    public void ofTwelvePartitions(Blackhole hole) {
        for (OffsetTracker tracker : trackers) {
            hole.consume(CommitMetadata.encode(
                    new RememberedProgress(tracker.frontier(), 1, 1, tracker.finishedBeyond()), 4096));
        }
    }
}
