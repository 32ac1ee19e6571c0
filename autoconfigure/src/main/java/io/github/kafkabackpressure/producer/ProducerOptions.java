package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.buffer.BufferLimits;
import io.github.kafkabackpressure.rate.RateLimiter;
import io.github.kafkabackpressure.rate.RateLimiters;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link BackpressuredKafkaTemplate} sends. Each part checks itself and names the property that is wrong.
 *
 * <p>Threading: immutable.
 *
 * @param limits how much the buffer may hold
 * @param overflow what happens when it is full
 * @param maxBlock how long a send may wait for its turn and for room; 365 days at most
 * @param maxInFlight records that may be with Kafka's producer, unacknowledged
 * @param batching when records leave the buffer
 * @param priorities where a record's priority comes from, and which pass the rate limit
 * @param rateLimit null: none
 * @param slowMode null: off
 * @param spool null: off
 * @param flushTimeout how long the shutdown may take; a day at most. A context flushes all its producers together, within the
 *     longest of its templates' and of {@code kafka.backpressure.producer.flush-timeout}; a time as in
 *     {@link #defaults()} counts as none
 */
public record ProducerOptions(
        BufferLimits limits,
        Overflow overflow,
        Duration maxBlock,
        int maxInFlight,
        Batching batching,
        Priorities priorities,
        @Nullable RateLimit rateLimit,
        @Nullable SlowModeOptions slowMode,
        @Nullable SpoolOptions spool,
        Duration flushTimeout) {

    private static final String PREFIX = "kafka.backpressure.producer.";

    /** The longest time for what may take long in all seriousness. Time is counted in nanoseconds, of which a long holds 292 years. */
    private static final Duration YEAR = Duration.ofDays(365);

    private static final Duration DAY = Duration.ofDays(1);

    public ProducerOptions {
        if (maxBlock.isNegative() || isLonger(maxBlock, YEAR)) {
            throw invalid("max-block", maxBlock, "zero or longer, such as 60s, and at most 365d");
        }
        if (maxInFlight < 1) {
            throw invalid("max-in-flight", maxInFlight, "at least 1 record");
        }
        if (flushTimeout.isNegative() || flushTimeout.isZero() || isLonger(flushTimeout, DAY)) {
            throw invalid("flush-timeout", flushTimeout, "longer than zero, such as 20s, and at most 1d");
        }
        if (slowMode != null && slowMode.maxBatchSize() < batching.size()) {
            throw invalid(
                    "slow-mode.max-batch-size",
                    slowMode.maxBatchSize(),
                    "at least batch-size, which is " + batching.size());
        }
        if (slowMode != null && slowMode.maxLinger().compareTo(batching.linger()) < 0) {
            throw invalid(
                    "slow-mode.max-linger", slowMode.maxLinger(), "at least linger, which is " + batching.linger());
        }
    }

    /** How a record ends that there is no room for. */
    SendOutcome whenFull() {
        return switch (overflow) {
            case BLOCK, REJECT -> SendOutcome.REJECTED;
            default -> SendOutcome.DROPPED;
        };
    }

    /** What holds where nothing else is said. */
    public static ProducerOptions defaults() {
        return new ProducerOptions(
                new BufferLimits(10_000, 64 << 20, 8_000, 3),
                Overflow.BLOCK,
                Duration.ofSeconds(60),
                10_000,
                new Batching(1_000, Duration.ZERO),
                new Priorities(Priorities.HEADER, 5, 8),
                null,
                null,
                null,
                Duration.ofSeconds(20));
    }

    /**
     * When records leave the buffer: a batch leaves at whichever comes first.
     *
     * @param size records in a batch
     * @param linger how long the oldest record of a batch may wait, a day at most; zero sends at once
     */
    public record Batching(int size, Duration linger) {

        public Batching {
            if (size < 1) {
                throw invalid("batch-size", size, "at least 1 record");
            }
            if (linger.isNegative() || isLonger(linger, DAY)) {
                throw invalid("linger", linger, "zero or longer, such as 5ms, and at most 1d");
            }
        }
    }

    /**
     * Priorities are 0 to 9.
     *
     * @param header name of the header that holds a record's priority, as a decimal digit or as one byte
     * @param usual priority of a record without one
     * @param bypass records of this priority and above pass the rate limit; 10 lets none pass
     */
    public record Priorities(String header, int usual, int bypass) {

        /** Default name of the priority's header. */
        public static final String HEADER = "kafka_backpressure_priority";

        public Priorities {
            if (header.isBlank()) {
                throw invalid("priority-header", header, "the name of a header");
            }
            if (usual < 0 || usual > 9) {
                throw invalid("default-priority", usual, "0 to 9");
            }
            if (bypass < 0 || bypass > 10) {
                throw invalid("bypass-priority", bypass, "0 to 10");
            }
        }
    }

    /** How many records may be sent in a time. */
    public sealed interface RateLimit {

        /**
         * A limiter of this kind.
         *
         * @param nanoTime monotonic
         */
        RateLimiter limiter(LongSupplier nanoTime);

        /**
         * A bucket that refills evenly; needs Bucket4j on the class path.
         *
         * @param rate tokens a second
         * @param burst tokens that the bucket holds; it starts full
         * @param cost tokens that a record takes
         */
        record TokenBucket(long rate, long burst, long cost) implements RateLimit {

            public TokenBucket {
                if (rate < 1 || rate > 1_000_000_000) {
                    throw invalid("rate-limit.rate", rate, "1 to 1000000000 tokens a second");
                }
                if (burst < 1) {
                    throw invalid("rate-limit.burst", burst, "at least 1 token");
                }
                if (cost < 1 || cost > burst) {
                    throw invalid("rate-limit.cost", cost, "1 to rate-limit.burst, which is " + burst);
                }
            }

            @Override
            public RateLimiter limiter(LongSupplier nanoTime) {
                if (!RateLimiters.hasTokenBucket()) {
                    throw invalid(
                            "rate-limit.rate",
                            rate,
                            "unset, unless com.bucket4j:bucket4j_jdk17-core is on the class path");
                }
                return RateLimiters.tokenBucket(rate, burst, cost, nanoTime);
            }
        }

        /**
         * At most so many records in any window of a length.
         *
         * @param records records in a window
         * @param length length of the window, 365 days at most
         */
        record SlidingWindow(int records, Duration length) implements RateLimit {

            public SlidingWindow {
                if (records < 1 || records > 10_000_000) {
                    throw invalid("rate-limit.window-records", records, "1 to 10000000 records");
                }
                if (length.isNegative() || length.isZero() || isLonger(length, YEAR)) {
                    throw invalid("rate-limit.window", length, "longer than zero, such as 1s, and at most 365d");
                }
            }

            @Override
            public RateLimiter limiter(LongSupplier nanoTime) {
                return RateLimiters.slidingWindow(records, length, nanoTime);
            }
        }
    }

    /**
     * Larger batches while Kafka is slow.
     *
     * @param threshold mean time to an acknowledgement from which on Kafka is slow, a day at most
     * @param maxBatchSize bound for the batch size
     * @param maxLinger bound for the linger, a day at most
     */
    public record SlowModeOptions(Duration threshold, int maxBatchSize, Duration maxLinger) {

        public SlowModeOptions {
            if (threshold.isNegative() || threshold.isZero() || isLonger(threshold, DAY)) {
                throw invalid("slow-mode.threshold", threshold, "longer than zero, such as 500ms, and at most 1d");
            }
            if (maxLinger.isNegative() || isLonger(maxLinger, DAY)) {
                throw invalid("slow-mode.max-linger", maxLinger, "at least linger, such as 100ms, and at most 1d");
            }
        }
    }

    /**
     * Where records go that could not be delivered at shutdown.
     *
     * @param directory is made if it does not exist
     * @param maxBytes what the files in it may hold together
     */
    public record SpoolOptions(Path directory, long maxBytes) {

        public SpoolOptions {
            if (maxBytes < 1) {
                throw invalid("spool-max-bytes", maxBytes, "at least 1 byte");
            }
        }
    }

    private static boolean isLonger(Duration time, Duration most) {
        return time.compareTo(most) > 0;
    }

    private static InvalidBackpressurePropertyException invalid(String property, Object value, String legal) {
        return new InvalidBackpressurePropertyException(PREFIX + property, value, legal);
    }
}
