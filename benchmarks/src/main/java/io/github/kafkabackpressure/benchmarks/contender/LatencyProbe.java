package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures the time from the moment when a record was due to be sent to the handler's first line, so that a sender that is
 * held up does not hide what waits for it.
 *
 * <p>The value starts with that moment, by the sender's {@link System#nanoTime()}, which on Linux is the machine's monotonic clock and
 * so the same in all processes.
 */
final class LatencyProbe implements Probe {

    private final Load load;

    private final long[] nanos;

    private final AtomicInteger count = new AtomicInteger();

    LatencyProbe(Load load) {
        this.load = load;
        this.nanos = new long[Math.toIntExact(load.warmUp() + load.records())];
    }

    @Override
    public void handle(String value) {
        long now = System.nanoTime();
        int index = count.getAndIncrement();
        if (index < nanos.length) {
            nanos[index] = now - Stamp.nanos(value);
        }
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        long start = System.nanoTime();
        long limit = TimeUnit.SECONDS.toNanos(load.limitSeconds());
        while (count.get() < nanos.length && System.nanoTime() - start < limit) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
        int end = Math.min(count.get(), nanos.length);
        return metrics(Arrays.copyOfRange(nanos, (int) Math.min(load.warmUp(), end), end));
    }

    private static Map<String, Double> metrics(long[] samples) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("records", (double) samples.length);
        if (samples.length > 0) {
            Arrays.sort(samples);
            metrics.put("latencyMedianMicros", Percentile.of(samples, 0.5) / 1e3);
            metrics.put("latencyP99Micros", Percentile.of(samples, 0.99) / 1e3);
            metrics.put("latencyMaxMicros", samples[samples.length - 1] / 1e3);
        }
        return metrics;
    }
}
