package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.KeyLanes;
import io.github.kafkabackpressure.progress.LaneTask;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Tasks a second through the lanes of a partition: one is appended, the oldest one finishes. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class KeyLanesBenchmark {

    @Param({"10", "10000", "1000000"})
    public int keys;

    @Param({"100", "1000", "100000"})
    public int inFlight;

    private final KeyLanes lanes = new KeyLanes();

    private String[] names = {};

    private Task[] ring = {};

    private int next;

    private int key;

    @Setup
    public void fill() {
        names = new String[keys];
        for (int i = 0; i < keys; i++) {
            names[i] = "key-" + i;
        }
        ring = new Task[inFlight];
        for (int i = 0; i < inFlight; i++) {
            ring[i] = append();
        }
    }

    @Benchmark
    public @Nullable LaneTask appendOneFinishOne() {
        Task oldest = ring[next];
        LaneTask successor = oldest.finish();
        lanes.finished(oldest);
        ring[next] = append();
        next = next + 1 == ring.length ? 0 : next + 1;
        return successor;
    }

    private Task append() {
        // A stride that is prime to the number of keys visits all of them, far apart.
        key = (key + 7919) % keys;
        Task task = new Task(names[key]);
        lanes.append(task);
        return task;
    }

    private static final class Task extends LaneTask {

        Task(String key) {
            setLane(key.hashCode());
        }
    }
}
