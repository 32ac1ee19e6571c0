package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.RateLimitOptions.OnFailure;
import io.github.kafkabackpressure.listener.overload.QueuedRecord;
import io.github.kafkabackpressure.listener.overload.StartRates;
import io.github.kafkabackpressure.progress.KeyContent;
import io.github.kafkabackpressure.progress.KeyHash;
import io.github.kafkabackpressure.rate.Bucket;
import io.github.kafkabackpressure.rate.BucketTable;
import io.github.kafkabackpressure.rate.SharedBucket;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import io.github.kafkabackpressure.rate.SharedRateLimit.Rate;
import io.github.kafkabackpressure.rate.TokenBucket;
import io.github.kafkabackpressure.rate.WindowBucket;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * The rate limits of a listener: when a record may be started. They outlive a run, so that a restart brings no second
 * burst, and those of its retry topics are the same, as retries are as dear as first attempts.
 *
 * <p>Threading: any thread.
 */
final class RecordRates implements StartRates {

    /** The most keys, partitions or values of a header that have a bucket of their own at the same time. */
    static final int MOST_BUCKETS = 10_000;

    /** From so many records a second on, what asking for each record costs may be what limits a listener. */
    static final long QUICK_RATE = 50_000;

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordRates.class));

    /** The one bucket of a listener; equal to no key. */
    private static final Object LISTENER = new Object();

    private static final Object NO_KEY = "(no key)";

    /** The common bucket of keys that have no name which is the same everywhere. */
    private static final Object OTHER_KEYS = "(other keys)";

    private static final KeyHash KEY_HASH = new KeyHash((type, cause) -> LOG.warn(
            cause,
            () -> "Keys, or parts of keys, of the class " + type.getName()
                    + (cause == null ? " have no equals() and hashCode()" : " cannot be hashed")
                    + ", so with rate-limit.per=key records whose keys differ in nothing else share one bucket. Give the"
                    + " class both methods, or deserialize the key as a text or as bytes."));

    /** The classes of keys that a warning has named. */
    private static final Set<Class<?>> NAMELESS = ConcurrentHashMap.newKeySet();

    private final int bypassPriority;

    /** What holds now; null for ever if nothing was set at the start. Changed under this. */
    private volatile @Nullable RateLimitOptions options;

    /** Whether records of the default priority are told by nothing but their headers, and take tokens. */
    private final boolean usualTakeTokens;

    private final @Nullable RecordExpression cost;

    private final @Nullable BucketTable buckets;

    private final LongSupplier nanoTime;

    /** Told of when records that wait may start sooner than they were told. */
    private final List<Waiters> waiters = new CopyOnWriteArrayList<>();

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
        RateLimitOptions limit = overload.rateLimit();
        this.options = limit;
        this.nanoTime = nanoTime;
        this.usualTakeTokens = overload.priority() == null
                && overload.topicPriority().isEmpty()
                && overload.defaultPriority() < bypassPriority;
        if (limit == null) {
            this.cost = null;
            this.buckets = null;
            return;
        }
        this.cost = limit.costExpression() == null
                ? null
                : new RecordExpression("rate-limit.cost", limit.costExpression(), LOG);
        this.buckets = shared == null
                ? new BucketTable(
                        MOST_BUCKETS,
                        (key, now) -> local(Objects.requireNonNullElse(options, limit), now),
                        nanoTime.getAsLong())
                : new BucketTable(MOST_BUCKETS, (key, now) -> common(limit, name, key, shared), nanoTime.getAsLong());
    }

    /** The limit that holds now; null if there is none. */
    @Nullable RateLimitOptions options() {
        return options;
    }

    /**
     * Goes by another rate or window from now on; there must be one. What buckets hold stays in them.
     *
     * @param changed of the same kind as the present one, and not shared
     */
    void change(RateLimitOptions changed) {
        synchronized (this) {
            long now = nanoTime.getAsLong();
            options = changed;
            Objects.requireNonNull(buckets).forEach(bucket -> change(bucket, changed, now));
        }
        waiters.forEach(Waiters::changed);
    }

    private static void change(Bucket bucket, RateLimitOptions to, long now) {
        if (bucket instanceof TokenBucket tokens) {
            tokens.change(to.rate(), to.burst(), now);
        } else if (bucket instanceof WindowBucket window) {
            window.change(to.windowRecords(), to.window().toNanos());
        }
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
                key == LISTENER ? name : name + ":" + name(key),
                new Rate(options.rate(), options.burst()),
                options.ahead(),
                options.onFailure() == OnFailure.WAIT
                        ? null
                        : () -> alone ? options.rate() : (long) (options.rate() * share.getAsDouble()),
                () -> waiters.forEach(told -> told.answered(key)),
                nanoTime);
    }

    private static String name(Object key) {
        return key instanceof ByteBuffer bytes ? HexFormat.of().formatHex(KeyContent.copy(bytes)) : key.toString();
    }

    @Override
    public void tell(Waiters told) {
        waiters.add(told);
    }

    @Override
    public void forget(Waiters told) {
        waiters.remove(told);
    }

    @Override
    public void setShare(DoubleSupplier share) {
        this.share = share;
    }

    @Override
    public boolean needsShare() {
        RateLimitOptions limit = options;
        return limit != null && limit.shared() != null && limit.onFailure() == OnFailure.LOCAL_SHARE;
    }

    @Override
    public void prepare(QueuedRecord record) {
        RateLimitOptions limit = options;
        if (limit == null || record.priority() >= bypassPriority) {
            return;
        }
        ConsumerRecord<?, ?> polled = record.record();
        record.rateGroup = switch (limit.per()) {
            case LISTENER -> LISTENER;
            case PARTITION -> new TopicPartition(polled.topic(), polled.partition());
            case KEY -> ofKey(polled.key(), limit.shared() != null);
            case HEADER -> ofHeader(polled.headers().lastHeader(limit.header()));
        };
        Long evaluated = cost == null ? null : cost.evaluate(polled);
        record.cost = evaluated == null ? limit.cost() : Math.max(1, evaluated);
    }

    /**
     * Whose bucket a key's is, by its content: two keys that share one get less, never more. Nothing of the key's class is
     * called when buckets are looked for, and nothing that its methods throw comes out.
     */
    private static Object ofKey(@Nullable Object key, boolean shared) {
        if (key == null) {
            return NO_KEY;
        }
        if (key instanceof Enum<?> constant) {
            return constant.name();
        }
        if (KeyHash.isImmutable(key) || key.getClass() == BigInteger.class || key.getClass() == BigDecimal.class) {
            return key;
        }
        if (key instanceof byte[] bytes) {
            return ByteBuffer.wrap(bytes.clone());
        }
        if (key instanceof ByteBuffer buffer) {
            return ByteBuffer.wrap(KeyContent.copy(buffer));
        }
        if (key instanceof Bytes bytes && bytes.get() != null) {
            return ByteBuffer.wrap(bytes.get().clone());
        }
        if (!shared) {
            return KEY_HASH.of(key);
        }
        if (NAMELESS.add(key.getClass())) {
            LOG.warn(() -> "Keys of the class " + key.getClass().getName()
                    + " have no name that is the same in all instances, so with rate-limit.shared and"
                    + " rate-limit.per=key all of them share one bucket. Deserialize the key as a text, a number, a UUID"
                    + " or bytes, or use rate-limit.per=header:<name>.");
        }
        return OTHER_KEYS;
    }

    private static Object ofHeader(@Nullable Header header) {
        byte[] value = header == null ? null : header.value();
        return value == null || value.length == 0 ? LISTENER : new String(value, StandardCharsets.UTF_8);
    }

    @Override
    public @Nullable Object groupOf(QueuedRecord record) {
        return record.rateGroup;
    }

    @Override
    public @Nullable Object groupOfSlices(TopicPartition partition) {
        RateLimitOptions limit = options;
        if (limit == null || !usualTakeTokens || limit.shared() != null || cost != null) {
            return null;
        }
        if (limit.rate() / tokensOfOne(limit) < QUICK_RATE) {
            return null; // or it is a window
        }
        return switch (limit.per()) {
            case LISTENER -> LISTENER;
            case PARTITION -> partition;
            case KEY, HEADER -> null;
        };
    }

    @Override
    public long tokensOf(int records) {
        RateLimitOptions limit = Objects.requireNonNull(options);
        return records * tokensOfOne(limit);
    }

    /** More than there can be would wait for ever. */
    private static long tokensOfOne(RateLimitOptions limit) {
        return Math.max(1, Math.min(limit.cost(), limit.burst()));
    }

    @Override
    public synchronized long takeUpTo(Object group, long most, long now) {
        return bucketOfSlices(group, now).takeUpTo(most, now);
    }

    @Override
    public synchronized long nanosUntil(Object group, long tokens, long now) {
        return bucketOfSlices(group, now).nanosUntil(tokens, now);
    }

    private TokenBucket bucketOfSlices(Object group, long now) {
        return (TokenBucket) Objects.requireNonNull(buckets).of(group, now);
    }

    @Override
    public synchronized long tryPass(QueuedRecord record, Object group, long now) {
        RateLimitOptions limit = Objects.requireNonNull(options);
        // More than there can be would wait for ever.
        long tokens = limit.rate() > 0 ? Math.min(record.cost, limit.burst()) : record.cost;
        return Objects.requireNonNull(buckets).of(group, now).tryTake(tokens, now);
    }
}
