package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class BackpressuredConsumerTests {

    private static final TopicPartition FIRST = new TopicPartition("topic", 0);

    private static final TopicPartition SECOND = new TopicPartition("topic", 1);

    private final MockConsumer<String, String> kafka = new MockConsumer<>("earliest");

    private final BackpressuredConsumer<String, String> consumer = new BackpressuredConsumer<>(
            kafka,
            new ListenerRun(
                    TestOptions.of(Ordering.PARTITION, 10, 1.0),
                    4,
                    task -> {},
                    listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
                    ListenerMetrics.NOOP,
                    () -> 0L),
            true,
            false,
            Duration.ofMinutes(5),
            OffsetAndMetadata::new);

    @Test
    void knowsItsPartitionsThroughRebalancesWithoutACopyForEachLook() {
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("topic"));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).isEmpty();

        kafka.rebalance(List.of(FIRST, SECOND));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).containsExactlyInAnyOrder(FIRST, SECOND);
        assertThat(consumer.assignment()).isSameAs(consumer.assignment());

        kafka.rebalance(List.of(SECOND));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).containsExactly(SECOND);

        consumer.unsubscribe();
        assertThat(consumer.assignment()).isEmpty();
    }
}
