package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.util.StringUtils;
import org.springframework.util.unit.DataSize;

/**
 * What one source says of a listener: its own properties, its annotation, or the properties of all listeners. What is
 * null is left to the next source.
 *
 * <p>Threading: immutable.
 *
 * @param ordering the order in which records are handled: one after the other in each partition, one after the other
 *     for each key of a partition, or without any order
 * @param maxInFlight the most records of the listener that are polled and not finished, in this JVM; never exceeded
 * @param maxInFlightPerPartition the most records in flight of one partition, passed by at most one poll; without it,
 *     each partition has a fair share of max-in-flight
 * @param maxInFlightBytes the most bytes of serialized keys and values in flight, passed by at most one poll
 * @param resumeAt a paused partition is resumed when in flight is at or below this share of the limit
 * @param maxConcurrency the most records handled at the same moment; 16 on platform threads and max-in-flight on
 *     virtual ones unless it is set
 * @param drainTimeout how long started work may take at stop and at a revoke
 * @param commitInterval how often the offsets of finished records are committed
 * @param handlerTimeout how long the asynchronous result of a record may take before the record counts as failed; 0,
 *     the default, is for ever
 * @param batchSize the most records in a batch of a batch listener; an even share of what is in flight among
 *     max-concurrency, at most 500, unless it is set
 * @param batchLinger how long an incomplete batch waits for more records
 */
public record ListenerSettings(
        @Nullable Ordering ordering,
        @Nullable Integer maxInFlight,
        @Nullable Integer maxInFlightPerPartition,
        @Nullable DataSize maxInFlightBytes,
        @Nullable Double resumeAt,
        @Nullable Integer maxConcurrency,
        @Nullable Duration drainTimeout,
        @Nullable Duration commitInterval,
        @Nullable Duration handlerTimeout,
        @Nullable Integer batchSize,
        @Nullable Duration batchLinger) {

    /** Settings that leave everything to the next source. */
    public static final ListenerSettings NONE =
            new ListenerSettings(null, null, null, null, null, null, null, null, null, null, null);

    /** Settings that say no more than how much may be in flight. */
    static ListenerSettings ofMaxInFlight(int records) {
        return new ListenerSettings(null, records, null, null, null, null, null, null, null, null, null);
    }

    /**
     * Reads the settings of an annotation.
     *
     * @param annotation the annotation of the method or class
     * @param resolver resolves placeholders and expressions
     * @throws InvalidBackpressurePropertyException if an attribute cannot be read
     */
    static ListenerSettings of(BackpressuredListener annotation, UnaryOperator<@Nullable String> resolver) {
        Ordering[] ordering = annotation.ordering();
        if (ordering.length > 1) {
            throw new InvalidBackpressurePropertyException(
                    "@BackpressuredListener(ordering)", ordering.length + " orderings", "one of them, or none");
        }
        return new ListenerSettings(
                ordering.length == 0 ? null : ordering[0],
                parsed("maxInFlight", annotation.maxInFlight(), resolver, Integer::valueOf, "a whole number"),
                parsed(
                        "maxInFlightPerPartition",
                        annotation.maxInFlightPerPartition(),
                        resolver,
                        Integer::valueOf,
                        "a whole number"),
                parsed(
                        "maxInFlightBytes",
                        annotation.maxInFlightBytes(),
                        resolver,
                        DataSize::parse,
                        "a size like 16MB"),
                parsed("resumeAt", annotation.resumeAt(), resolver, Double::valueOf, "a number from 0 to 1"),
                parsed("maxConcurrency", annotation.maxConcurrency(), resolver, Integer::valueOf, "a whole number"),
                parsed(
                        "drainTimeout",
                        annotation.drainTimeout(),
                        resolver,
                        DurationStyle::detectAndParse,
                        "a duration like 20s"),
                null,
                parsed(
                        "handlerTimeout",
                        annotation.handlerTimeout(),
                        resolver,
                        DurationStyle::detectAndParse,
                        "a duration like 30s"),
                parsed("batchSize", annotation.batchSize(), resolver, Integer::valueOf, "a whole number"),
                parsed(
                        "batchLinger",
                        annotation.batchLinger(),
                        resolver,
                        DurationStyle::detectAndParse,
                        "a duration like 50ms"));
    }

    private static <T> @Nullable T parsed(
            String attribute,
            String text,
            UnaryOperator<@Nullable String> resolver,
            Function<String, T> parser,
            String legal) {
        String resolved = resolver.apply(text);
        if (!StringUtils.hasText(resolved)) {
            return null;
        }
        try {
            return parser.apply(resolved.trim());
        } catch (IllegalArgumentException e) {
            InvalidBackpressurePropertyException invalid = new InvalidBackpressurePropertyException(
                    "@BackpressuredListener(" + attribute + ")", resolved, legal);
            invalid.initCause(e);
            throw invalid;
        }
    }
}
