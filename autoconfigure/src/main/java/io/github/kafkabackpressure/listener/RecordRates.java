package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.buffer.StartGate;
import io.github.kafkabackpressure.listener.RateLimitOptions.OnFailure;
import io.github.kafkabackpressure.rate.Bucket;
import io.github.kafkabackpressure.rate.BucketTable;
import io.github.kafkabackpressure.rate.SharedBucket;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import io.github.kafkabackpressure.rate.SharedRateLimit.Rate;
import io.github.kafkabackpressure.rate.TokenBucket;
import io.github.kafkabackpressure.rate.WindowBucket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * The rate limits of a listener: when a record may be started. They outlive a run, so that a restart brings no second
 * burst, and those of its retry topics are the same, as retries are as dear as first attempts.
 *
 * <p>Threading: any thread.
 */
final class RecordRates implements StartGate<QueuedRecord> {

    /** The most keys, partitions or values of a header that have a bucket of their own at the same time. */
    static final int MOST_BUCKETS = 10_000;

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordRates.class));

    private static final Object LISTENER = "";

    private final int bypassPriority;

    private final @Nullable RateLimitOptions options;

    private final @Nullable RecordExpression cost;

    private final @Nullable BucketTable buckets;

    private final LongSupplier nanoTime;

    /** Told of the group whose tokens have come from elsewhere. */
    private final List<Consumer<Object>> answered = new CopyOnWriteArrayList<>();

    /** This instance's part of what all instances handle, from 0 to 1. */
    private volatile DoubleSupplier share = () -> 1;

    /**
     * Makes the limits of a listener.
     *
     * @param name tells them from those of other listeners where they are shared
     * @param shared where several instances keep them; null for here
     */
    RecordRates(OverloadOptions overload, String name, @Nullable SharedRateLimit shared, LongSupplier nanoTime) {
        this.bypassPriority = overload.bypassPriority();
        this.options = overload.rateLimit();
        this.nanoTime = nanoTime;
        if (options == null) {
            this.cost = null;
            this.buckets = null;
            return;
        }
        this.cost = options.costExpression() == null
                ? null
                : new RecordExpression("rate-limit.cost", options.costExpression(), LOG);
        this.buckets = shared == null
                ? new BucketTable(MOST_BUCKETS, (key, now) -> local(options, now), nanoTime.getAsLong())
                : new BucketTable(MOST_BUCKETS, (key, now) -> common(options, name, key, shared), nanoTime.getAsLong());
    }

    private static Bucket local(RateLimitOptions options, long now) {
        return options.windowRecords() > 0
                ? new WindowBucket(options.windowRecords(), options.window().toNanos())
                : new TokenBucket(options.rate(), options.burst(), true, now);
    }

    private Bucket common(RateLimitOptions options, String name, Object key, SharedRateLimit shared) {
        boolean alone = options.per() == RateLimitOptions.Per.PARTITION; // nobody else handles its records
        return new SharedBucket(
                shared,
                key == LISTENER ? name : name + ":" + key,
                new Rate(options.rate(), options.burst()),
                options.ahead(),
                options.onFailure() == OnFailure.WAIT
                        ? null
                        : () -> alone ? options.rate() : (long) (options.rate() * share.getAsDouble()),
                () -> answered.forEach(told -> told.accept(key)),
                nanoTime);
    }

    /** Sets who is told of a group whose tokens have come. */
    void whenAnswered(Consumer<Object> told) {
        answered.add(told);
    }

    void forget(Consumer<Object> told) {
        answered.remove(told);
    }

    /** Sets what says this instance's part of all. */
    void setShare(DoubleSupplier share) {
        this.share = share;
    }

    /** Whether this instance's share of a common rate has to be known. */
    boolean needsShare() {
        return options != null && options.shared() != null && options.onFailure() == OnFailure.LOCAL_SHARE;
    }

    /** Finds out what a record takes, and from where; before it is put into the room. */
    void prepare(QueuedRecord record) {
        if (options == null || record.priority() >= bypassPriority) {
            return;
        }
        ConsumerRecord<?, ?> polled = record.record();
        record.rateGroup = switch (options.per()) {
            case LISTENER -> LISTENER;
            case PARTITION -> new TopicPartition(polled.topic(), polled.partition());
            case KEY -> ofKey(polled.key());
            case HEADER -> ofHeader(polled.headers().lastHeader(options.header()));
        };
        record.cost = options.cost();
        Long evaluated = cost == null ? null : cost.evaluate(polled);
        if (evaluated != null) {
            record.cost =
                    Math.max(1, Math.min(options.burst(), evaluated)); // more than there can be would wait for ever
        }
    }

    /** Keys that the method may change are known by their hash: two that share one get less, never more. */
    private static Object ofKey(@Nullable Object key) {
        if (key instanceof String || key instanceof Number || key instanceof UUID) {
            return key;
        }
        return key instanceof byte[] bytes ? ByteBuffer.wrap(bytes.clone()) : Integer.valueOf(Objects.hashCode(key));
    }

    private static Object ofHeader(@Nullable Header header) {
        byte[] value = header == null ? null : header.value();
        return value == null ? "" : new String(value, StandardCharsets.UTF_8);
    }

    @Override
    public @Nullable Object groupOf(QueuedRecord record) {
        return record.rateGroup;
    }

    @Override
    public synchronized long tryPass(QueuedRecord record, Object group, long now) {
        return Objects.requireNonNull(buckets).of(group, now).tryTake(record.cost, now);
    }
}
