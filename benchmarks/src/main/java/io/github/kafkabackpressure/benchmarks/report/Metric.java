package io.github.kafkabackpressure.benchmarks.report;

import java.util.List;
import java.util.Locale;

/** What a run can have measured, in the order of a table's columns. */
public enum Metric {
    RECORDS_PER_SECOND("recordsPerSecond", "records/s", Better.HIGHER, Metric.SCALED),
    LATENCY_MEDIAN("latencyMedianMicros", "median µs", Better.LOWER, "%,.0f"),
    LATENCY_P99("latencyP99Micros", "p99 µs", Better.LOWER, "%,.0f"),
    LATENCY_MAX("latencyMaxMicros", "max µs", Better.LOWER, "%,.0f"),
    RESUME_P99("resumeP99Millis", "p99 ms", Better.LOWER, "%,.2f"),
    RESUME_MEDIAN("resumeMedianMillis", "median ms", Better.LOWER, "%,.2f"),
    RESUME_MAX("resumeMaxMillis", "max ms", Better.LOWER, "%,.2f"),
    REPEATED("repeatedRecords", "records again", Better.LOWER, "%,.0f"),
    LOST("lostRecords", "records lost", Better.LOWER, "%,.0f"),
    FULL_SPEED("fullSpeedSeconds", "s to full speed", Better.LOWER, "%,.1f"),
    TAKEOVER("takeoverSeconds", "s to a record of every partition", Better.LOWER, "%,.1f"),
    SLOWEST("slowestPerSecond", "records/s at the slowest", Better.HIGHER, Metric.SCALED),
    CONTEXT_START("contextMillis", "context start ms", Better.LOWER, "%,.0f"),
    ALL_HANDLED("allHandledMillis", "ms to the last record", Better.LOWER, "%,.0f"),
    THREADS("threads", "threads", Better.LOWER, "%,.0f"),
    HEAP("heapMegabytes", "live heap MB", Better.LOWER, "%,.1f"),
    RESIDENT("residentMegabytes", "resident MB", Better.LOWER, "%,.0f"),
    CLASSES("classes", "classes", Better.LOWER, "%,.0f"),
    IDLE_CPU("idleCpuMillis", "CPU ms a second when idle", Better.LOWER, "%,.1f"),
    ROUNDS("rounds", "rounds", Better.HIGHER, "%,.0f"),
    ROUNDS_WITHOUT_RESUME("roundsWithoutResume", "rounds without a resume", Better.LOWER, "%,.0f"),
    HEAP_FROZEN("heapFrozenMegabytes", "live heap, broker frozen, MB", Better.LOWER, "%,.0f"),
    HEAP_BEFORE("heapBeforeMegabytes", "live heap before, MB", Better.LOWER, "%,.0f"),
    OFFERED_WHILE_FROZEN("offeredWhileFrozen", "sends while frozen", Better.HIGHER, "%,.0f"),
    FAILED_SENDS("failedSends", "failed sends", Better.LOWER, "%,.0f"),
    CONSUMER("consumerMicros", "consumer's thread, µs per polled record", Better.LOWER, "%,.3f"),
    POLLED_PER_SECOND("polledPerSecond", "polled/s", Better.HIGHER, "%,.0f"),
    OF_CEILING("ofCeiling", "of the ceiling", Better.HIGHER, "%.3f"),
    WORKER_USE("workerUse", "workers busy", Better.HIGHER, "%.3f"),
    CPU("cpuSecondsPerMillion", "CPU s per million", Better.LOWER, "%,.2f"),
    ALLOCATION("bytesPerRecord", "bytes allocated per record", Better.LOWER, "%,.0f"),
    PEAK_IN_FLIGHT("peakInFlight", "peak in flight", Better.LOWER, "%,.0f"),
    PEAK_HANDLING("peakHandling", "peak in handlers", Better.HIGHER, "%,.0f"),
    LONGEST_STALL("longestStallMillis", "longest stall ms", Better.LOWER, "%,.0f"),
    COMPILER("compilerSeconds", "JIT compiler s", Better.LOWER, "%,.2f"),
    RECORDS("records", "records", Better.HIGHER, "%,.0f"),
    SECONDS("seconds", "seconds", Better.LOWER, "%,.2f"),
    JMH_SCORE("score", "operations/s", Better.HIGHER, Metric.SCALED);

    /** Which direction is an improvement. */
    public enum Better {
        HIGHER,
        LOWER
    }

    /** One decimal, with k, M or G. */
    private static final String SCALED = "scaled";

    private final String id;

    private final String label;

    private final Better better;

    private final String format;

    Metric(String id, String label, Better better, String format) {
        this.id = id;
        this.label = label;
        this.better = better;
        this.format = format;
    }

    public String id() {
        return id;
    }

    String label() {
        return label;
    }

    Better better() {
        return better;
    }

    String format(double value) {
        return format.equals(SCALED) ? scaled(value) : String.format(Locale.ROOT, format, value);
    }

    private static String scaled(double value) {
        double rest = value;
        for (String unit : List.of("", " k", " M", " G")) {
            if (rest < 999.95 || unit.equals(" G")) {
                return String.format(Locale.ROOT, unit.isEmpty() ? "%,.0f" : "%,.1f", rest) + unit;
            }
            rest /= 1000;
        }
        throw new IllegalStateException("No unit");
    }
}
