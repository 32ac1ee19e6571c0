package io.github.kafkabackpressure.benchmarks.contender;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Measures what an application with many listeners takes to start, and what it holds when all it had is handled. */
final class StartProbe implements Probe {

    /** How long it is left alone before it is looked at, and again meanwhile. */
    private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Load load;

    private final long created = System.nanoTime();

    StartProbe(Load load) {
        this.load = load;
    }

    @Override
    public void handle(String value) {
        PolledRecords.finished();
    }

    /** Called when the application has started; it was about to when the probe was made. */
    @Override
    public Map<String, Double> await() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("contextMillis", (System.nanoTime() - created) / 1e6);
        long limit = TimeUnit.SECONDS.toNanos(load.limitSeconds());
        while (PolledRecords.finishedSum() < load.records()) {
            if (System.nanoTime() - created > limit) {
                throw new IllegalStateException("Only " + PolledRecords.finishedSum() + " records came");
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
        metrics.put("allHandledMillis", (System.nanoTime() - created) / 1e6);
        LockSupport.parkNanos(IDLE_NANOS);
        ProcessCost before = ProcessCost.now();
        LockSupport.parkNanos(IDLE_NANOS);
        ProcessCost idle = ProcessCost.now().minus(before);
        metrics.put("idleCpuMillis", idle.cpuNanos() / 1e6 / (IDLE_NANOS / 1e9));
        metrics.put("threads", (double) ManagementFactory.getThreadMXBean().getThreadCount());
        metrics.put(
                "classes", (double) ManagementFactory.getClassLoadingMXBean().getLoadedClassCount());
        metrics.put("residentMegabytes", residentMegabytes());
        System.gc();
        metrics.put(
                "heapMegabytes",
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1e6);
        return metrics;
    }

    /** The memory that the kernel has given to this process, by Linux's {@code VmRSS}. */
    private static double residentMegabytes() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith("VmRSS:"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) * 1024 / 1e6)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException ex) {
            return Double.NaN;
        }
    }
}
