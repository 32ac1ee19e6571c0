package io.github.kafkabackpressure.benchmarks.contender;

import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Measures records sent and acknowledged a second, from the first {@code send} to the last acknowledgement, by one
 * thread.
 *
 * <p>With {@link ProbeKind#SEND_FROZEN} it then asks the harness to freeze the broker, goes on sending for ten seconds
 * and looks at what is live on the heap.
 */
final class SendProbe implements Probe {

    private static final long FROZEN_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final int KEYS = 10_000;

    private final Run run;

    private final Sender sender;

    private final String[] keys = new String[KEYS];

    private final String value = "v".repeat(100);

    private final LongAdder acknowledged = new LongAdder();

    private final LongAdder failed = new LongAdder();

    SendProbe(Run run, Sender sender) {
        this.run = run;
        this.sender = sender;
        for (int i = 0; i < KEYS; i++) {
            keys[i] = "key-" + i;
        }
    }

    /** One way to send a record; {@code whenDone} is given the failure, or null. */
    interface Sender {

        void send(String key, String value, Consumer<@Nullable Throwable> whenDone);
    }

    @Override
    public void handle(String ignored) {
        throw new IllegalStateException("A producer handles nothing");
    }

    @Override
    public Map<String, Double> await() {
        Load load = run.load();
        sendAll(load.warmUp());
        awaitOutcomes(load.warmUp());
        ProcessCost before = ProcessCost.now();
        long start = System.nanoTime();
        sendAll(load.records());
        awaitOutcomes(load.warmUp() + load.records());
        long nanos = System.nanoTime() - start;
        ProcessCost cost = ProcessCost.now().minus(before);
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("records", (double) load.records());
        metrics.put("seconds", nanos / 1e9);
        metrics.put("recordsPerSecond", load.records() / (nanos / 1e9));
        metrics.put("bytesPerRecord", (double) cost.allocatedBytes() / load.records());
        metrics.put("cpuSecondsPerMillion", cost.cpuNanos() / 1e9 / load.records() * 1e6);
        metrics.put("failedSends", (double) failed.sum());
        if (run.probe() == ProbeKind.SEND_FROZEN) {
            frozen(metrics);
        }
        return metrics;
    }

    private void frozen(Map<String, Double> metrics) {
        metrics.put("heapBeforeMegabytes", liveHeapMegabytes());
        Requests.send(Requests.FREEZE);
        LongAdder offered = new LongAdder();
        Workers.daemon("sender-while-frozen", () -> {
            for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
                send(i);
                offered.increment();
            }
        });
        long start = System.nanoTime();
        double most = 0;
        while (System.nanoTime() - start < FROZEN_NANOS) {
            LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
            most = Math.max(most, liveHeapMegabytes());
        }
        metrics.put("heapFrozenMegabytes", most);
        metrics.put("offeredWhileFrozen", (double) offered.sum());
    }

    private void sendAll(long records) {
        for (long i = 0; i < records; i++) {
            send((int) (i % KEYS));
        }
    }

    private void send(int index) {
        try {
            sender.send(keys[Math.floorMod(index, KEYS)], value, this::done);
        } catch (RuntimeException ex) {
            done(ex);
        }
    }

    private void done(@Nullable Throwable failure) {
        if (failure != null) {
            failed.increment();
        }
        acknowledged.increment();
    }

    private void awaitOutcomes(long count) {
        while (acknowledged.sum() < count) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    private static double liveHeapMegabytes() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1e6;
    }
}
