package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
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

    /** Larger limits than this are of no use and would overflow the counters. */
    static final int LARGEST_LIMIT = 1 << 30;

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
            SettingKey setting = SettingKey.all(ListenerSettings.class).stream()
                    .filter(known -> known.name().equals(key))
                    .findFirst()
                    .orElseThrow();
            return sources.stream()
                    .filter(source -> setting.of(source.settings()) != null)
                    .findFirst()
                    .map(source -> source.naming().apply(key))
                    .orElse("kafka.backpressure.listener." + key);
        }
    }

    /**
     * Checks what a source says without knowing the others, from one of which {@code max-in-flight} may come.
     *
     * @throws InvalidBackpressurePropertyException if a value is impossible whatever the others say
     */
    public static void checkAlone(Source source) {
        Source anyLimit = new Source(ListenerSettings.of(Map.of("max-in-flight", LARGEST_LIMIT)), key -> key);
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
        int maxInFlight = value(
                sources,
                "max-in-flight",
                ListenerSettings::maxInFlight,
                DEFAULT_MAX_IN_FLIGHT,
                ListenerOptions::isLimit,
                "a whole number from 1 to " + LARGEST_LIMIT);
        Ordering ordering = value(sources, "ordering", ListenerSettings::ordering, Ordering.PARTITION, o -> true, "");
        return new ListenerOptions(
                ordering,
                maxInFlight,
                partOfLimit(
                        sources, "max-in-flight-per-partition", ListenerSettings::maxInFlightPerPartition, maxInFlight),
                value(
                                sources,
                                "max-in-flight-bytes",
                                ListenerSettings::maxInFlightBytes,
                                DataSize.ofBytes(0),
                                size -> size.toBytes() > 0,
                                "a size of at least 1B, like 16MB")
                        .toBytes(),
                value(
                        sources,
                        "resume-at",
                        ListenerSettings::resumeAt,
                        0.5,
                        share -> share >= 0 && share <= 1,
                        "a number from 0 to 1"),
                value(
                        sources,
                        "max-concurrency",
                        ListenerSettings::maxConcurrency,
                        DEFAULT_MAX_CONCURRENCY,
                        ListenerOptions::isLimit,
                        "a whole number from 1 to " + LARGEST_LIMIT),
                value(
                        sources,
                        "drain-timeout",
                        ListenerSettings::drainTimeout,
                        DEFAULT_DRAIN_TIMEOUT,
                        timeout -> !timeout.isNegative() && timeout.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 0s to 1d"),
                value(
                        sources,
                        "commit-interval",
                        ListenerSettings::commitInterval,
                        DEFAULT_COMMIT_INTERVAL,
                        interval -> interval.toMillis() >= 1 && interval.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 1ms to 1d"),
                value(
                        sources,
                        "handler-timeout",
                        ListenerSettings::handlerTimeout,
                        Duration.ZERO,
                        timeout -> !timeout.isNegative() && timeout.compareTo(Duration.ofDays(1)) <= 0,
                        "a duration from 0s, which is for ever, to 1d"),
                partOfLimit(sources, "batch-size", ListenerSettings::batchSize, maxInFlight),
                value(
                        sources,
                        "batch-linger",
                        ListenerSettings::batchLinger,
                        Duration.ZERO,
                        linger -> !linger.isNegative() && linger.compareTo(Duration.ofMinutes(1)) <= 0,
                        "a duration from 0s to 1m"),
                OverloadOptions.of(sources, maxInFlight),
                threshold(sources, "stall-timeout", ListenerSettings::stallTimeout, DEFAULT_STALL_TIMEOUT),
                threshold(
                        sources,
                        "slow-record-threshold",
                        ListenerSettings::slowRecordThreshold,
                        DEFAULT_SLOW_RECORD_THRESHOLD),
                threshold(sources, "frontier-timeout", ListenerSettings::frontierTimeout, DEFAULT_FRONTIER_TIMEOUT),
                value(
                        sources,
                        "remember-progress",
                        ListenerSettings::rememberProgress,
                        ordering != Ordering.PARTITION,
                        remembers -> true,
                        "true or false"),
                value(
                        sources,
                        "offset-metadata-max-bytes",
                        ListenerSettings::offsetMetadataMaxBytes,
                        0,
                        bytes -> bytes >= LEAST_METADATA_BYTES && bytes <= LARGEST_LIMIT,
                        "a whole number from " + LEAST_METADATA_BYTES + " to " + LARGEST_LIMIT));
    }

    private static Duration threshold(
            List<Source> sources,
            String key,
            Function<ListenerSettings, @Nullable Duration> getter,
            Duration fallback) {
        return value(
                sources,
                key,
                getter,
                fallback,
                threshold -> !threshold.isNegative() && threshold.compareTo(Duration.ofDays(1)) <= 0,
                "a duration from 0s, which is never, to 1d");
    }

    /** The keys of limits that may be changed while a listener runs. */
    private static final List<String> CHANGEABLE =
            List.of("max-in-flight", "max-in-flight-per-partition", "max-in-flight-bytes", "max-concurrency");

    /**
     * The same with other limits, checked as at a start.
     *
     * @param changes values by their keys
     * @throws InvalidBackpressurePropertyException if a value is impossible, or a limit cannot be changed
     */
    ListenerOptions withLimits(Map<String, ?> changes) {
        RateLimitOptions rates = overload.rateLimit();
        for (String key : changes.keySet()) {
            boolean ofRates = RateLimitOptions.CHANGEABLE.contains(key);
            if (ofRates && rates == null) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(changes.get(key)),
                        "left out, as at the start of the application no rate-limit was set");
            }
            if (!ofRates && !CHANGEABLE.contains(key)) {
                throw new InvalidBackpressurePropertyException(
                        key,
                        String.valueOf(changes.get(key)),
                        "one of " + CHANGEABLE + " and " + RateLimitOptions.CHANGEABLE + " while the listener runs");
            }
        }
        if (changes.containsKey("max-in-flight-bytes") && maxInFlightBytes == 0) {
            throw new InvalidBackpressurePropertyException(
                    "max-in-flight-bytes",
                    String.valueOf(changes.get("max-in-flight-bytes")),
                    "set at the start of the application too, as without such a limit bytes are not counted");
        }
        Map<String, Object> present = new LinkedHashMap<>();
        present.put("max-in-flight", maxInFlight);
        present.put("max-concurrency", maxConcurrency);
        if (maxInFlightPerPartition > 0) {
            present.put("max-in-flight-per-partition", maxInFlightPerPartition);
        }
        if (maxInFlightBytes > 0) {
            present.put("max-in-flight-bytes", DataSize.ofBytes(maxInFlightBytes));
        }
        if (batchSize > 0) {
            present.put("batch-size", batchSize);
        }
        if (rates != null) {
            present.putAll(rates.changeable(changes));
        }
        ListenerOptions limits = of(List.of(
                new Source(ListenerSettings.of(changes), key -> key),
                new Source(ListenerSettings.of(present), key -> key)));
        return new ListenerOptions(
                ordering,
                limits.maxInFlight,
                limits.maxInFlightPerPartition,
                limits.maxInFlightBytes,
                resumeAt,
                limits.maxConcurrency,
                drainTimeout,
                commitInterval,
                handlerTimeout,
                limits.batchSize,
                batchLinger,
                overload.withRateLimit(
                        rates == null ? null : rates.withLimitOf(Objects.requireNonNull(limits.overload.rateLimit()))),
                stallTimeout,
                slowRecordThreshold,
                frontierTimeout,
                rememberProgress,
                offsetMetadataMaxBytes);
    }

    private static int partOfLimit(
            List<Source> sources, String key, Function<ListenerSettings, @Nullable Integer> getter, int maxInFlight) {
        boolean limitIsStronger = false;
        for (Source source : sources) {
            Integer value = getter.apply(source.settings());
            if (value != null) {
                if (!isLimit(value) || (value > maxInFlight && !limitIsStronger)) {
                    String which = maxInFlight == LARGEST_LIMIT ? "" : ", which is " + maxInFlight;
                    throw new InvalidBackpressurePropertyException(
                            source.naming().apply(key), value, "a whole number from 1 to max-in-flight" + which);
                }
                return Math.min(value, maxInFlight);
            }
            limitIsStronger |= source.settings().maxInFlight() != null;
        }
        return 0;
    }

    private static boolean isLimit(int value) {
        return value >= 1 && value <= LARGEST_LIMIT;
    }

    private static <T> T value(
            List<Source> sources,
            String key,
            Function<ListenerSettings, @Nullable T> getter,
            T fallback,
            Predicate<T> legal,
            String legalValues) {
        for (Source source : sources) {
            T value = getter.apply(source.settings());
            if (value != null) {
                if (!legal.test(value)) {
                    throw new InvalidBackpressurePropertyException(
                            source.naming().apply(key), value, legalValues);
                }
                return value;
            }
        }
        return fallback;
    }
}
