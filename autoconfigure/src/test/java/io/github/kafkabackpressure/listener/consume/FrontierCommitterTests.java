package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.clients.consumer.RetriableCommitFailedException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class FrontierCommitterTests {

    private static final TopicPartition LEAVING = new TopicPartition("topic", 0);

    private static final TopicPartition STAYING = new TopicPartition("topic", 1);

    private long now;

    private int commits;

    private final MockConsumer<String, String> kafka = new MockConsumer<>("earliest") {
        @Override
        public synchronized void commitAsync(
                Map<TopicPartition, OffsetAndMetadata> offsets, OffsetCommitCallback callback) {
            commits++;
            callback.onComplete(offsets, new RetriableCommitFailedException("rebalancing"));
        }
    };

    private final TestRun started = new TestRun(
            TestOptions.of(Ordering.PARTITION, 10, 1.0),
            4,
            task -> {},
            listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
            () -> now);

    private final ListenerRun run = started.run;

    private final Assignment assignment = new Assignment(started.side, kafka, () -> {});

    private final FrontierCommitter committer = new FrontierCommitter(assignment, kafka, true);

    private static List<ConsumerRecord<String, String>> record(TopicPartition partition) {
        return List.of(new ConsumerRecord<>(partition.topic(), partition.partition(), 0, "key", "value"));
    }

    @Test
    void aFailedCommitWhosePartitionHasLeftMakesNobodyHurry() {
        assignment.assigned(List.of(LEAVING, STAYING));
        assignment.dispatch(
                new ConsumerRecords<>(Map.of(LEAVING, record(LEAVING), STAYING, record(STAYING)), Map.of()));
        PartitionWork leaving = assignment.work(LEAVING);
        leaving.tracker.finish(0, 1);
        now += TimeUnit.HOURS.toNanos(1);
        committer.tick(0);
        assertThat(commits).isEqualTo(1);
        assertThat(committer.nanosToNext()).as("it is tried again").isPositive();

        assignment.remove(List.of(leaving));
        committer.lost(List.of(leaving));
        now += TimeUnit.SECONDS.toNanos(10);
        for (int tick = 0; tick < 3; tick++) {
            committer.tick(0);
            assertThat(committer.nanosToNext()).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(1));
            now += TimeUnit.SECONDS.toNanos(1);
        }
        assertThat(commits).isEqualTo(1);
    }
}
