package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * This instance's share of a rate that several instances have in common: the share of the partitions that it has.
 *
 * <p>Threading: the consumers' threads.
 */
public final class RateShare {

    /** Says how many partitions a topic has. */
    public interface PartitionCounts {
        int count(String topic);
    }

    private final ListenerRun run;

    private final StartRates rates;

    private final Map<String, Integer> partitionsOfTopics = new ConcurrentHashMap<>();

    RateShare(ListenerRun run, StartRates rates) {
        this.run = run;
        this.rates = rates;
    }

    /** Takes in which partitions are this instance's, where its share matters. */
    public void assigned(Collection<? extends RecordOrigin> added, PartitionCounts partitionsOf) {
        if (!rates.needsShare()) {
            return;
        }
        for (RecordOrigin work : added) {
            String topic = work.partition.topic();
            partitionsOfTopics.computeIfAbsent(topic, partitionsOf::count);
        }
        long all = partitionsOfTopics.values().stream()
                .mapToLong(Integer::longValue)
                .sum();
        rates.setShare(() -> all == 0 ? 1 : Math.min(1, run.partitions.get() / (double) all));
    }
}
