package io.github.kafkabackpressure.producer;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.TimeMeter;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.buffer.RateLimiter;
import io.github.kafkabackpressure.buffer.SlidingWindowLimiter;
import io.github.kafkabackpressure.producer.ProducerOptions.RateLimit;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.springframework.util.ClassUtils;

/**
 * Makes the rate limiter that the options ask for.
 *
 * <p>Threading: any thread.
 */
final class RateLimiters {

    private RateLimiters() {}

    static RateLimiter of(RateLimit limit, LongSupplier nanoTime) {
        if (limit instanceof RateLimit.SlidingWindow window) {
            return new SlidingWindowLimiter(window.records(), window.length().toNanos(), nanoTime);
        }
        RateLimit.TokenBucket bucket = (RateLimit.TokenBucket) limit;
        if (!ClassUtils.isPresent("io.github.bucket4j.Bucket", RateLimiters.class.getClassLoader())) {
            throw new InvalidBackpressurePropertyException(
                    "kafka.backpressure.producer.rate-limit.rate",
                    bucket.rate(),
                    "unset, unless com.bucket4j:bucket4j_jdk17-core is on the class path");
        }
        return TokenBucketLimiter.of(bucket, nanoTime);
    }

    /** In a class of its own, so that Bucket4j may be missing. */
    private static final class TokenBucketLimiter implements RateLimiter {

        private final Bucket bucket;
        private final long cost;

        private TokenBucketLimiter(Bucket bucket, long cost) {
            this.bucket = bucket;
            this.cost = cost;
        }

        static TokenBucketLimiter of(RateLimit.TokenBucket options, LongSupplier nanoTime) {
            // From zero on: Bucket4j compares times, and a monotonic clock may begin just before its overflow.
            long origin = nanoTime.getAsLong();
            Bucket bucket = Bucket.builder()
                    .addLimit(limit ->
                            limit.capacity(options.burst()).refillGreedy(options.rate(), Duration.ofSeconds(1)))
                    .withCustomTimePrecision(new TimeMeter() {

                        @Override
                        public long currentTimeNanos() {
                            return nanoTime.getAsLong() - origin;
                        }

                        @Override
                        public boolean isWallClockBased() {
                            return false;
                        }
                    })
                    .build();
            return new TokenBucketLimiter(bucket, options.cost());
        }

        @Override
        public long tryAcquire() {
            if (bucket.tryConsume(cost)) {
                return 0;
            }
            ConsumptionProbe probe = bucket.tryConsumeAndReturnRemaining(cost);
            return probe.isConsumed() ? 0 : Math.max(1, probe.getNanosToWaitForRefill());
        }
    }
}
