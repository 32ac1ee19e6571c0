package io.github.kafkabackpressure.producer;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Knows without waiting whether Kafka's {@code send} would have to wait for the metadata of a topic. A look asks the
 * producer for the topic's partitions as a thread that is interrupted ({@link OwnInterrupt}): then it answers with what it
 * knows, or asks the cluster and gives up its wait at once. Kafka has no call for this: {@code partitionsFor} waits as {@code send} does, for as
 * long as {@code max.block.ms} says, which holds for all calls of a producer; and an {@code Admin} asks the brokers, so that it
 * neither answers at once nor knows what this producer knows. What is known is believed for a millisecond, because topics come
 * and go; a look before each send would cost more than the send does, and a topic could still go between the two.
 *
 * <p>Threading: any thread.
 */
final class KnownTopics {

    /** Whether Kafka's {@code send} finds what it needs. */
    enum Presence {

        /** It does, or it says at once what is wrong. */
        KNOWN,

        /** It would wait for the topic. */
        NO_TOPIC,

        /** It would wait for the partition; the topic is there. */
        NO_PARTITION
    }

    /** Long enough that a look costs nothing under load; a topic that goes meanwhile holds the sender up. */
    private static final long LOOK_AGAIN_MILLIS = 1;

    /** More topics than any application sends to at a time; each costs a few dozen bytes. */
    private static final int MOST = 10_000;

    private static final String METADATA_AGE = "metadata-age";

    private final Supplier<? extends Producer<?, ?>> producers;
    private final Map<String, Known> known = new ConcurrentHashMap<>();

    private record Known(int partitions, long atMillis) {}

    /** @param producers asked at each look */
    KnownTopics(Supplier<? extends Producer<?, ?>> producers) {
        this.producers = producers;
    }

    /** Looks if it has not lately. */
    Presence of(String topic, @Nullable Integer partition, long nowMillis) {
        Known lately = known.get(topic);
        if (lately != null && Math.abs(nowMillis - lately.atMillis) < LOOK_AGAIN_MILLIS) {
            if (partition == null || partition < lately.partitions) {
                return Presence.KNOWN;
            }
        }
        return look(topic, partition, nowMillis);
    }

    /** Looks now. */
    Presence look(String topic, @Nullable Integer partition, long nowMillis) {
        int partitions;
        try {
            partitions = partitions(topic);
        } catch (RuntimeException saysWhatIsWrong) {
            return Presence.KNOWN;
        }
        if (partitions == 0) {
            known.remove(topic);
            return Presence.NO_TOPIC;
        }
        if (known.size() >= MOST) {
            known.clear();
        }
        known.put(topic, new Known(partitions, nowMillis));
        return partition == null || partition < partitions ? Presence.KNOWN : Presence.NO_PARTITION;
    }

    /** A send has waited for it in vain, or a broker did not know it. */
    void forget(String topic) {
        known.remove(topic);
    }

    int size() {
        return known.size();
    }

    /**
     * Whether the cluster has told of its topics within that time, so that what is absent does not exist; also if that
     * cannot be known.
     */
    boolean clusterAnsweredWithin(long millis) {
        try {
            for (Map.Entry<MetricName, ? extends Metric> metric :
                    producers.get().metrics().entrySet()) {
                if (metric.getKey().name().equals(METADATA_AGE)
                        && metric.getValue().metricValue() instanceof Number seconds) {
                    return seconds.doubleValue() * 1000 < millis;
                }
            }
        } catch (RuntimeException unknown) {
            return true;
        }
        return true;
    }

    /** Zero if the producer does not know the topic. */
    private int partitions(String topic) {
        Producer<?, ?> producer = producers.get();
        OwnInterrupt own = OwnInterrupt.raise();
        try {
            // One that knows no cluster, as a mock, answers with an empty list.
            int partitions = producer.partitionsFor(topic).size();
            return partitions == 0 ? Integer.MAX_VALUE : partitions;
        } catch (InterruptException | TimeoutException absent) {
            return 0;
        } finally {
            own.takeBack();
        }
    }
}
