package io.github.kafkabackpressure.rate;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.TimeMeter;
import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * A bucket of tokens that refills evenly. The only class that needs Bucket4j, which may be missing.
 *
 * <p>Threading: any thread.
 */
final class TokenBucketLimiter implements RateLimiter {

    private final Bucket bucket;
    private final long cost;

    private TokenBucketLimiter(Bucket bucket, long cost) {
        this.bucket = bucket;
        this.cost = cost;
    }

    static TokenBucketLimiter of(long rate, long burst, long cost, LongSupplier nanoTime) {
        // From zero on: Bucket4j compares times, and a monotonic clock may begin just before its overflow.
        long origin = nanoTime.getAsLong();
        Bucket bucket = Bucket.builder()
                .addLimit(limit -> limit.capacity(burst).refillGreedy(rate, Duration.ofSeconds(1)))
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
        return new TokenBucketLimiter(bucket, cost);
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
