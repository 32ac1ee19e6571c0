package io.github.kafkabackpressure.benchmarks.contender;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures how much of the consumer's thread a polled record takes, while the few that are handled take long: all others are
 * dropped, or, in a bare loop, passed over.
 */
final class PollingProbe implements Probe {

    private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final Load load;

    PollingProbe(Load load) {
        this.load = load;
    }

    @Override
    public void handle(String value) {
        if (load.handlerMicros() > 0) {
            LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(load.handlerMicros()));
        }
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(load.limitSeconds());
        awaitPolled(Math.max(1, load.warmUp()), deadline);
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long consumer = Objects.requireNonNull(PolledRecords.consumer()).getId();
        long polled = PolledRecords.polledSum();
        long handled = PolledRecords.finishedSum();
        long cpu = threads.getThreadCpuTime(consumer);
        long start = System.nanoTime();
        awaitPolled(polled + load.records(), deadline);
        double seconds = (System.nanoTime() - start) / 1e9;
        double records = PolledRecords.polledSum() - polled;
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("consumerMicros", (threads.getThreadCpuTime(consumer) - cpu) / 1e3 / records);
        metrics.put("polledPerSecond", records / seconds);
        metrics.put("records", (double) (PolledRecords.finishedSum() - handled));
        metrics.put("seconds", seconds);
        return metrics;
    }

    private static void awaitPolled(long target, long deadline) {
        while (PolledRecords.polledSum() < target && System.nanoTime() < deadline) {
            LockSupport.parkNanos(SAMPLE_NANOS);
        }
    }
}
