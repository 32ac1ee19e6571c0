package io.github.kafkabackpressure.listener.task;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.jspecify.annotations.Nullable;

/**
 * What workers may know of the consumer whose records they handle.
 *
 * <p>Threading: the consumer's thread writes, workers read.
 */
public final class ConsumerFacts {

    /** How long the answer to which partitions a topic has holds. */
    private static final long PARTITIONS_KNOWN_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** The partitions of a topic, and when the broker was asked for them. */
    private record PartitionsOfTopic(List<PartitionInfo> partitions, long askedAt) {}

    private final Consumer<?, ?> consumer;

    private final LongSupplier nanoTime;

    private final Map<String, PartitionsOfTopic> partitionsOfTopics = new ConcurrentHashMap<>();

    /** The group as the consumer is a member of it now, where transactions of workers commit offsets. */
    public volatile @Nullable ConsumerGroupMetadata groupMetadata;

    private volatile String name = "";

    private volatile @Nullable String clientId;

    ConsumerFacts(Consumer<?, ?> consumer, LongSupplier nanoTime) {
        this.consumer = consumer;
        this.nanoTime = nanoTime;
    }

    /** Sets by which names the consumer is known; before it polls. */
    public void setNames(String containerName, @Nullable String kafkasName) {
        name = containerName;
        clientId = kafkasName;
    }

    /** What spring-kafka calls the consumer's own container, in its meters and observations. */
    public String name() {
        return name;
    }

    /** Kafka's name of the consumer. */
    public @Nullable String clientId() {
        return clientId;
    }

    /** The consumer as the user's code gets it. */
    public Consumer<?, ?> consumer() {
        return consumer;
    }

    /**
     * The partitions of a topic. The answer is kept for a while: the dead-letter topic of many failing records is asked
     * for once for each of them.
     */
    public List<PartitionInfo> partitionsFor(String topic, Duration timeout) {
        PartitionsOfTopic known = partitionsOfTopics.get(topic);
        long now = nanoTime.getAsLong();
        if (known == null || now - known.askedAt() > PARTITIONS_KNOWN_NANOS) {
            List<PartitionInfo> partitions = consumer.partitionsFor(topic, timeout);
            if (partitions.isEmpty()) {
                partitionsOfTopics.remove(topic); // it does not exist yet, which the next one to ask must not be told
                return partitions;
            }
            known = new PartitionsOfTopic(partitions, now);
            partitionsOfTopics.put(topic, known);
        }
        return known.partitions();
    }
}
