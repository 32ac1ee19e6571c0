package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.stereotype.Component;

/** The orders on the topic that no commit says to be paid, asked of the broker. */
@Component
class Backlog implements DisposableBean {

    private final Admin admin;

    Backlog(KafkaAdmin admin) {
        this.admin = Admin.create(admin.getConfigurationProperties());
    }

    /** Asks for the commits before the ends, so that orders on the move never make the count negative. */
    Offsets read() {
        try {
            Map<TopicPartition, Long> committed = new HashMap<>();
            Map<TopicPartition, OffsetRanges> remembered = new HashMap<>();
            admin.listConsumerGroupOffsets(Payments.GROUP)
                    .partitionsToOffsetAndMetadata()
                    .get()
                    .forEach((partition, offset) -> {
                        committed.put(partition, offset.offset());
                        if (CommitMetadata.decode(offset.metadata()) instanceof CommitMetadata.Ours ours) {
                            remembered.put(partition, ours.progress().finished());
                        }
                    });
            Map<TopicPartition, Long> ends = new HashMap<>();
            admin.listOffsets(partitions()).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
            return new Offsets(committed, remembered, ends);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the broker was asked", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("the broker did not tell the offsets", e.getCause());
        }
    }

    private Map<TopicPartition, OffsetSpec> partitions() throws InterruptedException, ExecutionException {
        Map<TopicPartition, OffsetSpec> partitions = new HashMap<>();
        admin.describeTopics(List.of(SampleApplication.ORDERS))
                .allTopicNames()
                .get()
                .forEach((name, topic) -> topic.partitions()
                        .forEach(info ->
                                partitions.put(new TopicPartition(name, info.partition()), OffsetSpec.latest())));
        return partitions;
    }

    @Override
    public void destroy() {
        admin.close();
    }

    /**
     * Offsets by partition.
     *
     * @param committed what the payments' group has committed; a partition without a commit is missing
     * @param remembered what these commits remember to be paid beyond them
     * @param ends the offset after the last order
     */
    record Offsets(
            Map<TopicPartition, Long> committed,
            Map<TopicPartition, OffsetRanges> remembered,
            Map<TopicPartition, Long> ends) {

        /** The orders that are yet to be paid. */
        long count() {
            return ends.entrySet().stream()
                            .mapToLong(end -> end.getValue() - committed.getOrDefault(end.getKey(), 0L))
                            .sum()
                    - rememberedCount();
        }

        /** The orders that were paid ahead of older ones, and are remembered. */
        long rememberedCount() {
            return remembered.values().stream().mapToLong(OffsetRanges::count).sum();
        }
    }
}
