package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Map;

/**
 * What one run puts on a contender.
 *
 * @param warmUp records that are handled before the clock starts
 * @param records records that are measured
 * @param handlerMicros how long a handler waits for each record, in microseconds; 0 for a handler that does nothing
 * @param concurrency records handled at the same moment, for contenders that handle records beside the poll loop
 * @param maxInFlight {@code max-in-flight}, for contenders that have such a limit
 * @param virtualThreads whether workers are virtual threads
 * @param limitSeconds when a run that has not handled all its records is cut off, in seconds; its figures are then
 *     those of what it did handle
 * @param meters what is measured beside
 * @param sentPerSecond records that are sent a second while it runs; 0 if the topic is filled before
 * @param settings what is set of {@code kafka.backpressure.listener} besides
 */
public record Load(
        long warmUp,
        long records,
        long handlerMicros,
        int concurrency,
        int maxInFlight,
        boolean virtualThreads,
        int limitSeconds,
        Meters meters,
        int sentPerSecond,
        Map<String, String> settings) {

    /** What is measured beside, for contenders that have meters. */
    public enum Meters {
        /** There is no registry. */
        NONE,
        /** A registry with all meters of this project, those of single partitions too, which are read once a second. */
        ALL,
        /** The same, and spring-kafka's own timer of each listener, which is there unless it is switched off. */
        WITH_TIMER,
        /** The same, and each record is recorded in histograms. */
        HISTOGRAMS
    }

    /**
     * Sixteen workers, 1,000 in flight and a handler that does nothing: the defaults of the library measured here. The
     * warm-up is twice as long as the measurement, because the JIT compiler shares the cores with all the rest.
     */
    public static Load noOp(long records) {
        return new Load(2 * records, records, 0, 16, 1000, false, 60, Meters.NONE, 0, Map.of());
    }

    /**
     * As {@link #noOp}, but with a warm-up after which the JIT compiler has nothing left to do: on two cores that takes
     * some five seconds, in which the quickest contenders handle twenty million records.
     */
    public static Load noOpCompiled(long records) {
        return noOp(records).withRecords(4 * records, records);
    }

    public Load withRecords(long newWarmUp, long newRecords) {
        return new Load(
                newWarmUp,
                newRecords,
                handlerMicros,
                concurrency,
                maxInFlight,
                virtualThreads,
                limitSeconds,
                meters,
                sentPerSecond,
                settings);
    }

    public Load withHandler(long newHandlerMicros, int newConcurrency) {
        return new Load(
                warmUp,
                records,
                newHandlerMicros,
                newConcurrency,
                maxInFlight,
                virtualThreads,
                limitSeconds,
                meters,
                sentPerSecond,
                settings);
    }

    public Load withMaxInFlight(int newMaxInFlight) {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                newMaxInFlight,
                virtualThreads,
                limitSeconds,
                meters,
                sentPerSecond,
                settings);
    }

    public Load withVirtualThreads() {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                maxInFlight,
                true,
                limitSeconds,
                meters,
                sentPerSecond,
                settings);
    }

    public Load withLimit(int newLimitSeconds) {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                maxInFlight,
                virtualThreads,
                newLimitSeconds,
                meters,
                sentPerSecond,
                settings);
    }

    public Load withMeters(Meters newMeters) {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                maxInFlight,
                virtualThreads,
                limitSeconds,
                newMeters,
                sentPerSecond,
                settings);
    }

    /** With so many records sent while it runs, in place of a topic that was filled before. */
    public Load withSentPerSecond(int newSentPerSecond) {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                maxInFlight,
                virtualThreads,
                limitSeconds,
                meters,
                newSentPerSecond,
                settings);
    }

    public Load withSettings(Map<String, String> newSettings) {
        return new Load(
                warmUp,
                records,
                handlerMicros,
                concurrency,
                maxInFlight,
                virtualThreads,
                limitSeconds,
                meters,
                sentPerSecond,
                newSettings);
    }

    /** Whether records may be dropped unhandled. */
    boolean drops() {
        return settings.getOrDefault("overflow", "pause").startsWith("drop");
    }
}
