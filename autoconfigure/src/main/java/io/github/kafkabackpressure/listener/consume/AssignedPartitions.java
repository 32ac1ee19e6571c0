package io.github.kafkabackpressure.listener.consume;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The partitions that are assigned to a consumer, and those of them in which something has changed since the last tick.
 *
 * <p>Threading: the consumer's thread; anyone may read the partitions.
 */
public final class AssignedPartitions {

    private final Map<TopicPartition, PartitionWork> works = new ConcurrentHashMap<>();

    /** The partitions in which something has changed since the last tick. */
    private final List<PartitionWork> touched = new ArrayList<>();

    public @Nullable PartitionWork work(TopicPartition partition) {
        return works.get(partition);
    }

    /** The partitions assigned now. Called by anyone. */
    public Collection<PartitionWork> works() {
        return works.values();
    }

    /** Their names. Called by anyone. */
    public Set<TopicPartition> names() {
        return Set.copyOf(works.keySet());
    }

    public void add(PartitionWork work) {
        works.put(work.partition, work);
    }

    /** Forgets a partition; false if it was not this one's any more. */
    public boolean remove(PartitionWork work) {
        touched.remove(work);
        return works.remove(work.partition, work);
    }

    /** Notes that something has changed in a partition since the last tick. */
    public void touch(PartitionWork work) {
        if (!work.touched && works.get(work.partition) == work) {
            work.touched = true;
            touched.add(work);
        }
    }

    /** The partitions in which something has changed since {@link #settled}. */
    List<PartitionWork> touched() {
        return touched;
    }

    /** Forgets which partitions have changed. */
    public void settled() {
        for (PartitionWork work : touched) {
            work.touched = false;
        }
        touched.clear();
    }
}
