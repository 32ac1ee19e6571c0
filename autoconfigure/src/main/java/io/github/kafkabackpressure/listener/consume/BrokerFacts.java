package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.progress.RememberedProgress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * What the brokers say to an admin client of this listener's own. Where they do not answer, or not to this user, nothing is
 * known of topics, and metadata may be as long as Kafka's default allows.
 *
 * <p>Threading: safe for the consumers' threads and for the one that closes it.
 */
public final class BrokerFacts implements GroupFacts, AutoCloseable {

    private static final String MAX_METADATA = "offset.metadata.max.bytes";

    private static final Duration LONGEST_QUESTION = Duration.ofSeconds(5);

    /** After a question without an answer none is asked for so long: it is the consumer's thread that waits. */
    private static final long SILENCE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(BrokerFacts.class));

    private final Supplier<Admin> admins;

    private final LongSupplier nanoTime;

    /** Whether a property says how long metadata may be. */
    private final boolean isSet;

    private final Map<String, Long> topics = new ConcurrentHashMap<>();

    private volatile int maxMetadata;

    /** Whether the broker has said how long metadata may be. */
    private volatile boolean asked;

    private volatile boolean closed;

    private volatile boolean hasRefused;

    /** When the last question had no answer; null if it had one. */
    private volatile @Nullable Long failedAt;

    private @Nullable Admin admin;

    /**
     * Makes it; nothing is asked yet.
     *
     * @param admins makes the admin client
     * @param configured the most characters of metadata, or 0 for what the broker says
     */
    public BrokerFacts(Supplier<Admin> admins, int configured, LongSupplier nanoTime) {
        this.admins = admins;
        this.nanoTime = nanoTime;
        this.isSet = configured > 0;
        this.maxMetadata = isSet ? configured : DEFAULT_MAX_METADATA;
    }

    @Override
    public long topic(String name) {
        return topics.getOrDefault(name, 0L);
    }

    @Override
    public int maxMetadata() {
        return maxMetadata;
    }

    @Override
    public boolean hasRefused() {
        return hasRefused;
    }

    @Override
    public synchronized boolean lowerMaxMetadata(int refused) {
        if (maxMetadata == 0) {
            return false;
        }
        int lower = Math.min(maxMetadata, refused) / 2;
        maxMetadata = lower < LEAST_METADATA ? 0 : lower;
        if (!hasRefused) {
            hasRefused = true;
            LOG.warn(() -> "the broker refuses a commit whose metadata has " + refused
                    + " characters; commits get shorter ones, or none, and what these do not remember is handled again"
                    + " after a stop. Set kafka.backpressure.listener.offset-metadata-max-bytes to the broker's "
                    + MAX_METADATA);
        }
        return true;
    }

    @Override
    public void learn(Set<String> names) {
        names.forEach(topics::remove);
        Long failed = failedAt;
        if (failed != null && nanoTime.getAsLong() - failed < SILENCE_NANOS) {
            return;
        }
        try {
            Admin client = admin();
            if (client != null) {
                int timeout = (int) LONGEST_QUESTION.toMillis();
                Map<String, KafkaFuture<TopicDescription>> answers = client.describeTopics(
                                names, new DescribeTopicsOptions().timeoutMs(timeout))
                        .topicNameValues();
                if (!isSet && !asked) {
                    learnMaxMetadata(client, timeout);
                }
                for (Map.Entry<String, KafkaFuture<TopicDescription>> answer : answers.entrySet()) {
                    TopicDescription topic = answer(answer.getValue());
                    if (topic != null && !topic.topicId().equals(Uuid.ZERO_UUID)) {
                        Uuid id = topic.topicId();
                        topics.put(
                                answer.getKey(),
                                RememberedProgress.topic(id.getMostSignificantBits(), id.getLeastSignificantBits()));
                    }
                }
            }
            failedAt = null;
        } catch (RuntimeException | TimeoutException e) { // whatever it is, the partitions are assigned
            failedAt = nanoTime.getAsLong();
            LOG.info(e, "the brokers do not say which topics they have; commits remember progress without it");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void learnMaxMetadata(Admin client, int timeout) throws TimeoutException, InterruptedException {
        var nodes = answer(client.describeCluster(new DescribeClusterOptions().timeoutMs(timeout))
                .nodes());
        if (nodes == null || nodes.isEmpty()) {
            return;
        }
        Node node = nodes.iterator().next();
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node.idString());
        Config config = answer(client.describeConfigs(List.of(broker), new DescribeConfigsOptions().timeoutMs(timeout))
                .values()
                .get(broker));
        ConfigEntry entry = config == null ? null : config.get(MAX_METADATA);
        if (entry != null && entry.value() != null) {
            maxMetadata = Integer.parseInt(entry.value());
        }
        asked = true; // or else it may not be told to this user
    }

    /** The answer to a question; null if the broker answers with an error, such as that it may not be asked. */
    private static <T> @Nullable T answer(@Nullable KafkaFuture<T> future)
            throws TimeoutException, InterruptedException {
        try {
            return future == null ? null : future.get(LONGEST_QUESTION.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof org.apache.kafka.common.errors.TimeoutException timeout) {
                throw timeout;
            }
            LOG.debug(e, "the broker does not tell");
            return null;
        }
    }

    private synchronized @Nullable Admin admin() {
        if (admin == null && !closed) {
            admin = admins.get();
        }
        return admin;
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (admin != null) {
            admin.close(Duration.ZERO);
            admin = null;
        }
    }
}
