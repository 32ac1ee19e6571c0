package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.task.RunSettings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.util.unit.DataSize;

/**
 * What a listener does, all sources taken together and checked.
 *
 * <p>Threading: immutable.
 *
 * @param ordering the order in which records are handled
 * @param maxInFlight the most records polled and not finished, at least 1
 * @param maxInFlightPerPartition the most records in flight of a partition, or 0 for a fair share of the whole
 * @param maxInFlightBytes the most bytes in flight, or 0 for no such limit
 * @param resumeAt the share of a limit at or below which a paused partition is resumed, from 0 to 1
 * @param maxConcurrency the most records handled at the same moment, at least 1
 * @param drainTimeout how long started work may take at stop and at a revoke, not negative
 * @param commitInterval how often the frontier is committed, more than 0
 * @param handlerTimeout how long the asynchronous result of a record may take, or 0 for any time
 * @param batchSize the most records in a batch, or 0 for an even share of what is in flight
 * @param batchLinger how long an incomplete batch waits for more records, not negative
 * @param overload what else than a pause answers overload
 * @param stallTimeout how long nothing may come or go, or a partition be paused, although there is room; 0 for ever
 * @param slowRecordThreshold how long a record may be handled before the watchdog tells; 0 for ever
 * @param frontierTimeout how long a frontier may stay where it is while records behind it are finished; 0 for ever
 * @param rememberProgress whether commits remember what is finished beyond their offset
 * @param offsetMetadataMaxBytes the longest metadata of a commit, or 0 for what the broker says
 */
public record ListenerOptions(
        Ordering ordering,
        int maxInFlight,
        int maxInFlightPerPartition,
        long maxInFlightBytes,
        double resumeAt,
        int maxConcurrency,
        Duration drainTimeout,
        Duration commitInterval,
        Duration handlerTimeout,
        int batchSize,
        Duration batchLinger,
        OverloadOptions overload,
        Duration stallTimeout,
        Duration slowRecordThreshold,
        Duration frontierTimeout,
        boolean rememberProgress,
        int offsetMetadataMaxBytes) {

    /** Options that answer overload by pauses only. */
    public ListenerOptions(
            Ordering ordering,
            int maxInFlight,
            int maxInFlightPerPartition,
            long maxInFlightBytes,
            double resumeAt,
            int maxConcurrency,
            Duration drainTimeout,
            Duration commitInterval,
            Duration handlerTimeout,
            int batchSize,
            Duration batchLinger) {
        this(
                ordering,
                maxInFlight,
                maxInFlightPerPartition,
                maxInFlightBytes,
                resumeAt,
                maxConcurrency,
                drainTimeout,
                commitInterval,
                handlerTimeout,
                batchSize,
                batchLinger,
                OverloadOptions.OFF,
                DEFAULT_STALL_TIMEOUT,
                DEFAULT_SLOW_RECORD_THRESHOLD,
                DEFAULT_FRONTIER_TIMEOUT,
                ordering != Ordering.PARTITION,
                0);
    }

    static final int DEFAULT_MAX_IN_FLIGHT = 1000;

    static final int DEFAULT_MAX_CONCURRENCY = 16;

    static final Duration DEFAULT_DRAIN_TIMEOUT = Duration.ofSeconds(20);

    static final Duration DEFAULT_STALL_TIMEOUT = Duration.ofSeconds(60);

    static final Duration DEFAULT_SLOW_RECORD_THRESHOLD = Duration.ofSeconds(60);

    static final Duration DEFAULT_FRONTIER_TIMEOUT = Duration.ofMinutes(5);

    static final int LEAST_METADATA_BYTES = 64;

    static final Duration DEFAULT_COMMIT_INTERVAL = Duration.ofSeconds(1);

    /** The options of a listener that retries the records of this one. */
    ListenerOptions ofRetries() {
        return withOverload(overload.ofRetries());
    }

    /** The same with other answers to overload. */
    ListenerOptions withOverload(OverloadOptions other) {
        return new ListenerOptions(
                ordering,
                maxInFlight,
                maxInFlightPerPartition,
                maxInFlightBytes,
                resumeAt,
                maxConcurrency,
                drainTimeout,
                commitInterval,
                handlerTimeout,
                batchSize,
                batchLinger,
                other,
                stallTimeout,
                slowRecordThreshold,
                frontierTimeout,
                rememberProgress,
                offsetMetadataMaxBytes);
    }

    /**
     * A source of settings and the way to name one of its values in a message.
     *
     * @param settings what the source says
     * @param naming from a key like {@code max-in-flight} to what the user wrote
     */
    public record Source(ListenerSettings settings, Function<String, String> naming) {

        /** A source whose keys stand under a prefix of properties, given without the dot at its end. */
        public static Source ofProperties(String prefix, ListenerSettings settings) {
            return new Source(settings, key -> prefix + "." + key);
        }

        /**
         * The name of what set a value, for a message about it: that of the first source that has it, else the property
         * of all listeners, whose default holds.
         *
         * @param key such as {@code max-in-flight}
         */
        static String nameOf(List<Source> sources, String key) {
            return values(sources).nameOf(key);
        }
    }

    private static SettingValues values(List<Source> sources) {
        return new SettingValues(sources.stream()
                .map(source -> new SettingValues.Source(source.settings(), source.naming()))
                .toList());
    }

    /**
     * Checks what a source says without knowing the others, from one of which {@code max-in-flight} may come.
     *
     * @throws InvalidBackpressurePropertyException if a value is impossible whatever the others say
     */
    public static void checkAlone(Source source) {
        Source anyLimit =
                new Source(ListenerSettings.of(Map.of("max-in-flight", SettingValues.LARGEST_LIMIT)), key -> key);
        of(List.of(source, anyLimit));
    }

    /**
     * Takes each value from the first source that has it. A limit for a part of {@code max-in-flight} is cut to that if
     * it comes from a weaker source: a default for all listeners, and one of them that may have less in flight.
     *
     * @param sources the sources, the strongest first
     * @throws InvalidBackpressurePropertyException if a value is impossible; names the source that it came from
     */
    public static ListenerOptions of(List<Source> sources) {
        SettingValues values = values(sources);
        int maxInFlight = values.first(
                "max-in-flight",
                ListenerSettings::maxInFlight,
                DEFAULT_MAX_IN_FLIGHT,
                SettingValues::isLimit,
                "a whole number from 1 to " + SettingValues.LARGEST_LIMIT);
        Ordering ordering = values.first("ordering", ListenerSettings::ordering, Ordering.PARTITION, o -> true, "");
        return new ListenerOptions(
                ordering,
                maxInFlight,
                values.partOfLimit(
                        "max-in-flight-per-partition", ListenerSettings::maxInFlightPerPartition, maxInFlight),
                values.first(
                                "max-in-flight-bytes",
                                ListenerSettings::maxInFlightBytes,
                                DataSize.ofBytes(0),
                                size -> size.toBytes() > 0,
                                "a size of at least 1B, like 16MB")
                        .toBytes(),
                values.first(
                        "resume-at",
                        ListenerSettings::resumeAt,
                        0.5,
                        share -> share >= 0 && share <= 1,
                        "a number from 0 to 1"),
                values.first(
                        "max-concurrency",
                        ListenerSettings::maxConcurrency,
                        DEFAULT_MAX_CONCURRENCY,
                        SettingValues::isLimit,
                        "a whole number from 1 to " + SettingValues.LARGEST_LIMIT),
                values.first(
                        "drain-timeout",
                        ListenerSettings::drainTimeout,
                        DEFAULT_DRAIN_TIMEOUT,
                        timeout -> !timeout.isNegative() && timeout.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 0s to 1d"),
                values.first(
                        "commit-interval",
                        ListenerSettings::commitInterval,
                        DEFAULT_COMMIT_INTERVAL,
                        interval -> interval.toMillis() >= 1 && interval.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 1ms to 1d"),
                values.first(
                        "handler-timeout",
                        ListenerSettings::handlerTimeout,
                        Duration.ZERO,
                        timeout -> !timeout.isNegative() && timeout.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 0s, which is for ever, to 1d"),
                values.partOfLimit("batch-size", ListenerSettings::batchSize, maxInFlight),
                values.first(
                        "batch-linger",
                        ListenerSettings::batchLinger,
                        Duration.ZERO,
                        linger -> !linger.isNegative() && linger.compareTo(Duration.ofMinutes(1)) <= 0,
                        "a duration from 0s to 1m"),
                OverloadReader.read(values, maxInFlight),
                threshold(values, "stall-timeout", ListenerSettings::stallTimeout, DEFAULT_STALL_TIMEOUT),
                threshold(
                        values,
                        "slow-record-threshold",
                        ListenerSettings::slowRecordThreshold,
                        DEFAULT_SLOW_RECORD_THRESHOLD),
                threshold(values, "frontier-timeout", ListenerSettings::frontierTimeout, DEFAULT_FRONTIER_TIMEOUT),
                values.first(
                        "remember-progress",
                        ListenerSettings::rememberProgress,
                        ordering != Ordering.PARTITION,
                        remembers -> true,
                        "true or false"),
                values.first(
                        "offset-metadata-max-bytes",
                        ListenerSettings::offsetMetadataMaxBytes,
                        0,
                        bytes -> bytes >= LEAST_METADATA_BYTES && bytes <= SettingValues.LARGEST_LIMIT,
                        "a whole number from " + LEAST_METADATA_BYTES + " to " + SettingValues.LARGEST_LIMIT));
    }

    private static Duration threshold(
            SettingValues values,
            String key,
            Function<ListenerSettings, @Nullable Duration> getter,
            Duration fallback) {
        return values.first(
                key,
                getter,
                fallback,
                threshold -> !threshold.isNegative() && threshold.compareTo(Duration.ofDays(1)) <= 0,
                "a duration from 0s, which is never, to 1d");
    }

    /** What the consumers and the workers of a run go by. */
    RunSettings ofRun() {
        return new RunSettings(
                ordering,
                maxInFlight,
                maxInFlightPerPartition,
                maxInFlightBytes,
                resumeAt,
                maxConcurrency,
                drainTimeout,
                commitInterval,
                handlerTimeout,
                batchSize,
                batchLinger);
    }
}
