package io.github.kafkabackpressure.rate;

import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.distributed.AsyncBucketProxy;
import io.github.bucket4j.distributed.BucketProxy;
import io.github.bucket4j.distributed.proxy.ProxyManager;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * Common buckets by Bucket4j: in Redis, Hazelcast, a database, or wherever there is a {@code ProxyManager} for. Needs
 * {@code com.bucket4j:bucket4j_jdk17-core} and the module of that store, for instance {@code bucket4j_jdk17-lettuce}.
 *
 * <p>Threading: as the manager. One without an asynchronous mode is called on the JDK's common pool.
 *
 * @param <K> the manager's type of keys
 */
public final class Bucket4jSharedRateLimit<K> implements SharedRateLimit {

    private final ProxyManager<K> buckets;

    private final Function<String, K> keys;

    private Bucket4jSharedRateLimit(ProxyManager<K> buckets, Function<String, K> keys) {
        this.buckets = buckets;
        this.keys = keys;
    }

    /**
     * Uses a manager with keys of any type.
     *
     * @param keys makes a key of a bucket's name
     */
    public static <K> Bucket4jSharedRateLimit<K> of(ProxyManager<K> buckets, Function<String, K> keys) {
        return new Bucket4jSharedRateLimit<>(buckets, keys);
    }

    /** Uses a manager whose keys are bytes, as Lettuce's is by default. */
    public static Bucket4jSharedRateLimit<byte[]> ofBytes(ProxyManager<byte[]> buckets) {
        return of(buckets, name -> name.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public CompletionStage<Grant> take(String bucket, long most, Rate rate) {
        K key = keys.apply(bucket);
        BucketConfiguration configuration = BucketConfiguration.builder()
                .addLimit(limit ->
                        limit.capacity(rate.burst()).refillGreedy(rate.tokensPerSecond(), Duration.ofSeconds(1)))
                .build();
        if (!buckets.isAsyncModeSupported()) {
            BucketProxy proxy = buckets.builder().build(key, () -> configuration);
            return CompletableFuture.supplyAsync(() -> {
                long taken = proxy.tryConsumeAsMuchAsPossible(most);
                return taken > 0
                        ? new Grant(taken, 0)
                        : new Grant(0, proxy.estimateAbilityToConsume(1).getNanosToWaitForRefill());
            });
        }
        AsyncBucketProxy proxy =
                buckets.asAsync().builder().build(key, () -> CompletableFuture.completedFuture(configuration));
        return proxy.tryConsumeAsMuchAsPossible(most)
                .thenCompose(taken -> taken > 0
                        ? CompletableFuture.completedFuture(new Grant(taken, 0))
                        : proxy.estimateAbilityToConsume(1)
                                .thenApply(probe -> new Grant(0, probe.getNanosToWaitForRefill())));
    }
}
