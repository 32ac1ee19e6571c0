package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** Records that were polled while there was no place for them, and what gives them one. Stepped by hand. */
class RoomForWaitingRecordsTests {

    private static final TopicPartition A = new TopicPartition("topic", 0);

    private static final TopicPartition B = new TopicPartition("topic", 1);

    private final SteppedKafka kafka = new SteppedKafka(4, List.of(A, B));

    private final SteppedListener listener = new SteppedListener(
            kafka,
            TestOptions.of(
                    Ordering.PARTITION,
                    4,
                    0.5,
                    null,
                    2,
                    Map.of("overflow", "conflate", "rate-limit.rate", 1, "rate-limit.burst", 1)),
            4,
            false,
            new SteppedListener.Observer() {
                @Override
                public void started(ConsumerRecord<?, ?> record) {}

                @Override
                public void finished(ConsumerRecord<?, ?> record, boolean counts) {}
            });

    private void append(TopicPartition partition, int from, int to) {
        for (int offset = from; offset < to; offset++) {
            kafka.append(partition, offset, "key " + offset);
        }
    }

    /** As spring-kafka's loop does, which hands nothing over where a poll has brought nothing. */
    private void poll() {
        ConsumerRecords<Object, String> polled = listener.consumer.poll(Duration.ZERO);
        if (!polled.isEmpty()) {
            listener.consumer.dispatch(polled);
        }
    }

    @Test
    void thePlacesOfAPartitionThatLeavesGoToWhatWaitsForSome() {
        kafka.rebalance(List.of(A, B));
        append(A, 0, 4);
        poll();
        append(B, 0, 3);
        poll();
        assertThat(listener.run.limit.inFlight()).isEqualTo(4);
        assertThat(listener.container.side.overload.hasUnsorted()).isTrue();

        kafka.rebalance(List.of(B));
        poll();

        assertThat(listener.container.side.overload.hasUnsorted()).isFalse();
        assertThat(listener.run.limit.inFlight()).isEqualTo(3);
    }
}
