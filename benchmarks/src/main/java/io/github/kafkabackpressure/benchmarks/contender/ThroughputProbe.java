package io.github.kafkabackpressure.benchmarks.contender;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Measures records a second, and what a record costs in allocation and CPU time.
 *
 * <p>A handler that does nothing only counts, in a {@link LongAdder}; the clock is read by the main thread, which looks
 * at the count once a millisecond. So the measuring costs a contender a few nanoseconds a record, one that uses many
 * threads no more than one that uses one.
 */
final class ThroughputProbe implements Probe {

    private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long START_NANOS = TimeUnit.SECONDS.toNanos(40);

    private final Load load;

    private final Work work;

    private final boolean failing;

    private final AtomicInteger handling = new AtomicInteger();

    private final AtomicInteger peakHandling = new AtomicInteger();

    private final LongAdder nanosInHandler = new LongAdder();

    private long longestStallNanos;

    ThroughputProbe(Run run) {
        this.load = run.load();
        this.work = Work.of(run);
        this.failing = run.setup().failOneIn() > 0;
    }

    @Override
    public void handle(String value) {
        handleRecord(null);
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        handleRecord(record);
    }

    private void handleRecord(@Nullable ConsumerRecord<String, String> record) {
        if (work.waits()) {
            handleSlowly(record);
        } else {
            work.on(record);
        }
        PolledRecords.finished();
    }

    private void handleSlowly(@Nullable ConsumerRecord<String, String> record) {
        int now = handling.incrementAndGet();
        if (now > peakHandling.get()) {
            peakHandling.accumulateAndGet(now, Math::max);
        }
        try {
            nanosInHandler.add(work.on(record));
        } finally {
            handling.decrementAndGet();
        }
    }

    @Override
    public Map<String, Double> await() {
        long limit = TimeUnit.SECONDS.toNanos(load.limitSeconds());
        awaitCount(1, START_NANOS);
        // A contender too slow for its warm-up is measured after a limit.
        awaitCount(load.warmUp(), limit);
        PolledRecords.restartPeak();
        peakHandling.set(0);
        nanosInHandler.reset();
        longestStallNanos = 0;
        ProcessCost before = ProcessCost.now();
        long firstCount = PolledRecords.finishedSum();
        long firstNanos = System.nanoTime();
        awaitCount(Math.min(firstCount, load.warmUp()) + load.records(), limit);
        long records = PolledRecords.finishedSum() - firstCount;
        long nanos = System.nanoTime() - firstNanos;
        ProcessCost cost = ProcessCost.now().minus(before);
        return metrics(records, nanos, cost);
    }

    private Map<String, Double> metrics(long records, long nanos, ProcessCost cost) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("records", (double) records);
        metrics.put("seconds", nanos / 1e9);
        metrics.put("recordsPerSecond", records / (nanos / 1e9));
        metrics.put("longestStallMillis", longestStallNanos / 1e6);
        if (!failing && !load.drops()) { // else what is polled again, or dropped, would count
            metrics.put("peakInFlight", (double) PolledRecords.peak());
        }
        if (records > 0) {
            metrics.put("bytesPerRecord", (double) cost.allocatedBytes() / records);
            metrics.put("cpuSecondsPerMillion", cost.cpuNanos() / 1e9 / records * 1e6);
        }
        metrics.put("compilerSeconds", cost.compilerMillis() / 1e3);
        if (work.waits()) {
            metrics.put("peakHandling", (double) peakHandling.get());
            metrics.put("workerUse", nanosInHandler.sum() / ((double) nanos * load.concurrency()));
            metrics.put("ofCeiling", records / (nanos / 1e9) / (load.concurrency() * 1e6 / load.handlerMicros()));
        }
        return metrics;
    }

    /** Waits until so many records are finished, and notes the longest time in which none was. */
    private void awaitCount(long target, long limitNanos) {
        long start = System.nanoTime();
        long lastCount = PolledRecords.finishedSum();
        long lastProgress = start;
        while (lastCount < target) {
            LockSupport.parkNanos(SAMPLE_NANOS);
            long now = System.nanoTime();
            long count = PolledRecords.finishedSum();
            longestStallNanos = Math.max(longestStallNanos, now - lastProgress);
            if (count != lastCount) {
                lastCount = count;
                lastProgress = now;
            }
            if (now - start > limitNanos) {
                return;
            }
        }
    }
}
