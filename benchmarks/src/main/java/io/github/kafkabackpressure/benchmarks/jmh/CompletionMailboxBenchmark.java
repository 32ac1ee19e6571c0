package io.github.kafkabackpressure.benchmarks.jmh;

import io.github.kafkabackpressure.progress.CompletionMailbox;
import io.github.kafkabackpressure.progress.LaneTask;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Completions a second from workers to the consumer's thread. */
@State(Scope.Group)
@BenchmarkMode(Mode.Throughput)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CompletionMailboxBenchmark {

    private static final int BATCH = 100;

    private final CompletionMailbox mailbox = new CompletionMailbox();

    @Benchmark
    @Group("alone")
    @OperationsPerInvocation(BATCH)
    public int putAndTake() {
        for (int i = 0; i < BATCH; i++) {
            mailbox.put(new Task());
        }
        return takeAll();
    }

    @Benchmark
    @Group("besideEachOther")
    @GroupThreads(1)
    public void put() {
        mailbox.put(new Task());
    }

    /** Its own figure counts looks into the mailbox, not completions. */
    @Benchmark
    @Group("besideEachOther")
    @GroupThreads(1)
    public int take() {
        return takeAll();
    }

    private int takeAll() {
        int taken = 0;
        for (LaneTask task = mailbox.takeAll(); task != null; task = CompletionMailbox.next(task)) {
            taken++;
        }
        return taken;
    }

    private static final class Task extends LaneTask {}
}
