package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.buffer.BufferLimits;
import io.github.kafkabackpressure.producer.ProducerOptions;
import io.github.kafkabackpressure.producer.ProducerOptions.Batching;
import io.github.kafkabackpressure.producer.ProducerOptions.Priorities;
import io.github.kafkabackpressure.producer.ProducerOptions.SlowModeOptions;
import io.github.kafkabackpressure.producer.ProducerOptions.SpoolOptions;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * The sending half's properties.
 *
 * @param maxBuffered Records that may wait in the buffer: its hard limit.
 * @param maxBufferedBytes Keys, values and headers that may wait in the buffer.
 * @param softLimit Records in the buffer from which on those of low priority are shed. Four fifths of max-buffered
 *     where it is not set.
 * @param maxInFlight Records that may be with Kafka's producer, sent and not acknowledged.
 * @param batchSize Records that leave the buffer together. At most as many as max-buffered.
 * @param linger How long the oldest record of a batch may wait for the batch to fill. Zero sends at once. At most 1d.
 * @param overflow What happens to a record that there is no room for.
 * @param maxBlock How long a send may wait for its turn under the rate limit and for room in the buffer. At most 365d.
 * @param priorityHeader Header that holds a record's priority, as a decimal digit or as one byte.
 * @param defaultPriority Priority of a record without that header, 0 to 9.
 * @param bypassPriority Records of this priority and above pass the rate limit. 10 lets none pass.
 * @param shedPriority Records below this priority are shed above the soft limit. 0 sheds none.
 * @param rateLimit How many records may be sent in a time.
 * @param slowMode Larger batches while Kafka acknowledges slowly.
 * @param flushTimeout How long producers may take to deliver what they hold when the context stops. At most 1d.
 * @param spoolDirectory Where records are kept until the next start that could not be delivered at shutdown. Off where
 *     it is not set.
 * @param spoolMaxBytes What the files in the spool directory may hold together.
 */
@ConfigurationProperties("kafka.backpressure.producer")
public record KafkaBackpressureProducerProperties(
        @DefaultValue("10000") int maxBuffered,
        @DefaultValue("64MB") DataSize maxBufferedBytes,
        @Nullable Integer softLimit,
        @DefaultValue("10000") int maxInFlight,
        @Nullable Integer batchSize,
        @DefaultValue("0s") Duration linger,
        @DefaultValue("block") Overflow overflow,
        @DefaultValue("60s") Duration maxBlock,
        @DefaultValue(Priorities.HEADER) String priorityHeader,
        @DefaultValue("5") int defaultPriority,
        @DefaultValue("8") int bypassPriority,
        @DefaultValue("3") int shedPriority,
        @Nullable RateLimit rateLimit,
        @Nullable SlowMode slowMode,
        @DefaultValue("20s") Duration flushTimeout,
        @Nullable String spoolDirectory,
        @Nullable DataSize spoolMaxBytes) {

    private static final String PREFIX = "kafka.backpressure.producer.";

    /**
     * A token bucket, or a sliding window.
     *
     * @param rate Tokens that a token bucket gains a second. Needs Bucket4j on the class path.
     * @param burst Tokens that the bucket holds. The same as the rate where it is not set.
     * @param cost Tokens that a record takes.
     * @param windowRecords Records that may be sent in any window.
     * @param window Length of the window.
     */
    public record RateLimit(
            @Nullable Long rate,
            @Nullable Long burst,
            @Nullable Long cost,
            @Nullable Integer windowRecords,
            @Nullable Duration window) {

        ProducerOptions.@Nullable RateLimit options() {
            if (rate != null && windowRecords != null) {
                throw new InvalidBackpressurePropertyException(
                        PREFIX + "rate-limit.window-records", windowRecords, "unset when rate-limit.rate is set");
            }
            unsetWithout("rate-limit.rate", rate, "rate-limit.burst", burst);
            unsetWithout("rate-limit.rate", rate, "rate-limit.cost", cost);
            unsetWithout("rate-limit.window-records", windowRecords, "rate-limit.window", window);
            if (rate != null) {
                return new ProducerOptions.RateLimit.TokenBucket(
                        rate, burst == null ? rate : burst, cost == null ? 1 : cost);
            }
            return windowRecords == null
                    ? null
                    : new ProducerOptions.RateLimit.SlidingWindow(
                            windowRecords, window == null ? Duration.ofSeconds(1) : window);
        }
    }

    /** Refuses a value that means nothing without another: whoever sets it believes that it holds. */
    private static void unsetWithout(
            String needed, @Nullable Object neededValue, String property, @Nullable Object value) {
        if (neededValue == null && value != null) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + property, value, "unset unless " + needed + " is set, without which it has no effect");
        }
    }

    /**
     * Batch size and linger grow between the usual and these bounds.
     *
     * @param threshold Mean time to an acknowledgement from which on Kafka is slow. Slow mode is off where it is not
     *     set.
     * @param maxBatchSize Bound for the batch size.
     * @param maxLinger Bound for the linger.
     */
    public record SlowMode(
            @Nullable Duration threshold,
            @Nullable Integer maxBatchSize,
            @Nullable Duration maxLinger) {

        @Nullable SlowModeOptions options() {
            unsetWithout("slow-mode.threshold", threshold, "slow-mode.max-batch-size", maxBatchSize);
            unsetWithout("slow-mode.threshold", threshold, "slow-mode.max-linger", maxLinger);
            return threshold == null
                    ? null
                    : new SlowModeOptions(
                            threshold,
                            maxBatchSize == null ? 10_000 : maxBatchSize,
                            maxLinger == null ? Duration.ofMillis(100) : maxLinger);
        }
    }

    /** Checks every value; called when the context starts, whether a template is used or not. */
    ProducerOptions options() {
        if (batchSize != null && batchSize > Math.max(1, maxBuffered)) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + "batch-size", batchSize, "at most max-buffered, which is " + maxBuffered);
        }
        int soft = softLimit == null ? Math.max(1, (int) (maxBuffered * 0.8)) : softLimit;
        return new ProducerOptions(
                new BufferLimits(maxBuffered, maxBufferedBytes.toBytes(), soft, shedPriority),
                overflow,
                maxBlock,
                maxInFlight,
                new Batching(batchSize == null ? Math.max(1, Math.min(1_000, maxBuffered)) : batchSize, linger),
                new Priorities(priorityHeader, defaultPriority, bypassPriority),
                rateLimit == null ? null : rateLimit.options(),
                slowMode == null ? null : slowMode.options(),
                spool(),
                flushTimeout);
    }

    /** The directory as it is written: Spring's own conversion would look for a relative one in the class path first. */
    private @Nullable SpoolOptions spool() {
        if (spoolDirectory == null || spoolDirectory.isBlank()) {
            unsetWithout("spool-directory", null, "spool-max-bytes", spoolMaxBytes);
            return null;
        }
        DataSize maxBytes = spoolMaxBytes == null ? DataSize.ofMegabytes(256) : spoolMaxBytes;
        return new SpoolOptions(directory(spoolDirectory), maxBytes.toBytes());
    }

    private static Path directory(String written) {
        try {
            return written.startsWith("file:") ? Path.of(URI.create(written)) : Path.of(written);
        } catch (IllegalArgumentException e) {
            throw new InvalidBackpressurePropertyException(
                    PREFIX + "spool-directory", written, "the path of a directory", e);
        }
    }
}
