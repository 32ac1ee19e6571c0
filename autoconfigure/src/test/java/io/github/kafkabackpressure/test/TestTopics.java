package io.github.kafkabackpressure.test;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;

/**
 * Makes topics that can be sent to at once.
 *
 * <p>Threading: any thread.
 */
public final class TestTopics {

    private static final long MOST_SECONDS = 60;

    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private TestTopics() {}

    /**
     * Creates topics, those that exist excepted, and waits until each of their partitions has a leader: one without refuses
     * a first batch, Kafka gets stuck if it accepts the second one meanwhile, and sends are repeated for seconds.
     *
     * @param partitions how many each of the topics gets
     * @throws IllegalStateException if that does not succeed within a minute
     */
    public static void create(Admin admin, Map<String, Integer> partitions) {
        admin.createTopics(partitions.entrySet().stream()
                        .map(topic -> new NewTopic(topic.getKey(), Optional.of(topic.getValue()), Optional.empty()))
                        .toList())
                .values()
                .values()
                .forEach(TestTopics::awaitCreated);
        Map<TopicPartition, OffsetSpec> all = new HashMap<>();
        partitions.forEach((topic, count) -> {
            for (int partition = 0; partition < count; partition++) {
                all.put(new TopicPartition(topic, partition), OffsetSpec.latest());
            }
        });
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
        // Only its leader answers for a partition.
        while (!succeeds(admin.listOffsets(all).all(), RetriableException.class)) {
            if (System.nanoTime() - deadline > 0) {
                throw new IllegalStateException("No leaders for " + partitions.keySet());
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    private static void awaitCreated(KafkaFuture<Void> created) {
        succeeds(created, TopicExistsException.class);
    }

    /** False if it fails in that way. */
    private static boolean succeeds(KafkaFuture<?> call, Class<? extends Exception> mayFailBy) {
        try {
            call.get(MOST_SECONDS, TimeUnit.SECONDS);
            return true;
        } catch (ExecutionException e) {
            if (mayFailBy.isInstance(e.getCause())) {
                return false;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new IllegalStateException(e);
        }
    }
}
