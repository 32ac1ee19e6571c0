package io.github.kafkabackpressure.listener.consume;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * What is committed when the user's code commits by the consumer itself: never past a record that is not finished. Such
 * code goes by what it was given, as in other loops everything has been handled that was polled.
 *
 * <p>Threading: the consumer's thread.
 */
final class UserCommits {

    private final Assignment assignment;

    /** Where partitions were left that are being revoked: while they are, they are still this consumer's to commit. */
    private final Supplier<Map<TopicPartition, OffsetAndMetadata>> frontiersLeft;

    /** What has been polled and not handed over yet, if there is such. */
    private final Supplier<? extends @Nullable ConsumerRecords<?, ?>> leftBehind;

    UserCommits(
            Assignment assignment,
            Supplier<Map<TopicPartition, OffsetAndMetadata>> frontiersLeft,
            Supplier<? extends @Nullable ConsumerRecords<?, ?>> leftBehind) {
        this.assignment = assignment;
        this.frontiersLeft = frontiersLeft;
        this.leftBehind = leftBehind;
    }

    /** The frontiers of all partitions. */
    Map<TopicPartition, OffsetAndMetadata> frontiers() {
        assignment.takeCompletions();
        Map<TopicPartition, OffsetAndMetadata> frontiers = new HashMap<>(frontiersLeft.get());
        for (PartitionWork work : assignment.works()) {
            if (work.tracker.frontier() >= 0) {
                frontiers.put(work.partition, assignment.content.of(work));
            }
        }
        return frontiers;
    }

    /** The given offsets, or frontiers where those are past unfinished records. */
    Map<TopicPartition, OffsetAndMetadata> notPastFrontiers(Map<TopicPartition, OffsetAndMetadata> offsets) {
        assignment.takeCompletions();
        Map<TopicPartition, OffsetAndMetadata> bounded = new HashMap<>(offsets);
        bounded.replaceAll((partition, offset) -> {
            long frontier = frontierOf(partition);
            PartitionWork work = assignment.work(partition);
            if (work != null) {
                // It says nothing of what is finished beyond it: that is to be committed once more, also if the
                // answer to an earlier commit is still to come.
                work.tracker.committedIsGone();
                assignment.touch(work);
            }
            return frontier >= 0 && offset.offset() > frontier
                    ? new OffsetAndMetadata(frontier, offset.metadata())
                    : offset;
        });
        return bounded;
    }

    /** The frontier of a partition, or -1 if nothing in it is unfinished. */
    private long frontierOf(TopicPartition partition) {
        OffsetAndMetadata left = frontiersLeft.get().get(partition);
        if (left != null) {
            return left.offset();
        }
        PartitionWork work = assignment.work(partition);
        if (work != null && !work.tracker.isDrained()) {
            return work.tracker.frontier();
        }
        ConsumerRecords<?, ?> records = leftBehind.get();
        return records == null
                ? -1
                : records.records(partition).stream()
                        .mapToLong(ConsumerRecord::offset)
                        .min()
                        .orElse(-1);
    }
}
