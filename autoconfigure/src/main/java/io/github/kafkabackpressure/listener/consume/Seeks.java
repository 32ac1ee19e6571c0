package io.github.kafkabackpressure.listener.consume;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.springframework.core.log.LogAccessor;

/**
 * What seeks do to the records in work. A seek touches only what is at or past its target, since only that comes again:
 * what is below it and not finished stays in work and holds the frontier.
 *
 * <p>The target counts where Kafka's consumer stands when it fetches again, not what single calls name: spring-kafka seeks
 * to the beginning or the end and on from there. So seeks are noted, and take effect with the next tick.
 *
 * <p>Threading: the consumer's thread.
 */
final class Seeks {

    /** Stands for a place that only the broker knows. */
    private static final long UNKNOWN = -1;

    private static final Duration LONGEST_QUESTION = Duration.ofSeconds(5);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(Seeks.class));

    private final Assignment assignment;

    /** The consumer that says where it stands. */
    private final Consumer<?, ?> consumer;

    /** By the work that is sought: Kafka's consumer forgets the seeks of a partition that leaves, though it come back. */
    private final Map<PartitionWork, Long> pending = new HashMap<>();

    Seeks(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.consumer = consumer;
    }

    /** Notes a seek. */
    void to(TopicPartition partition, long offset) {
        PartitionWork work = assignment.work(partition);
        if (work != null) {
            pending.put(work, offset);
        }
    }

    /** Notes a seek to the beginning or to the end. */
    void toUnknown(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            PartitionWork work = assignment.work(partition);
            if (work != null) {
                pending.put(work, UNKNOWN);
                work.tracker.forget(0);
            }
        }
    }

    /** Lets the seeks take effect, before a poll. */
    void apply() {
        while (!pending.isEmpty()) {
            Iterator<Map.Entry<PartitionWork, Long>> first = pending.entrySet().iterator();
            Map.Entry<PartitionWork, Long> seek = first.next();
            PartitionWork work = seek.getKey();
            TopicPartition partition = work.partition;
            long offset = seek.getValue();
            first.remove();
            if (assignment.work(partition) != work) {
                continue;
            }
            if (offset == UNKNOWN && !work.tracker.isDrained()) {
                try {
                    offset = consumer.position(partition, LONGEST_QUESTION);
                } catch (KafkaException e) {
                    LOG.warn(e, () -> "where " + partition + " was sought to will be known with its next records");
                    forgetUnknown(); // the others would not be known either, and waiting has taken long enough
                }
            }
            if (offset != UNKNOWN) {
                assignment.sought(work, offset);
            }
        }
    }

    /**
     * Lets the seeks take effect that were made within a poll, which has brought the records from there on, if any. Where
     * only the broker knows the place, those records will tell.
     */
    void applyAfterPoll() {
        if (!pending.isEmpty()) {
            forgetUnknown();
            apply();
        }
    }

    private void forgetUnknown() {
        pending.values().removeIf(offset -> offset == UNKNOWN);
    }
}
