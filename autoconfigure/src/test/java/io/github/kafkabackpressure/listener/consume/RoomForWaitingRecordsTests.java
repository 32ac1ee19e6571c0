package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.SteppedKafka;
import io.github.kafkabackpressure.listener.SteppedListener;
import io.github.kafkabackpressure.listener.TestOptions;
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

    private SteppedListener listener;

    private void start(int maxInFlight, Map<String, ?> answer) {
        listener = new SteppedListener(
                kafka,
                TestOptions.of(Ordering.PARTITION, maxInFlight, 0.5, null, 2, answer),
                4,
                false,
                new SteppedListener.Observer() {
                    @Override
                    public void started(ConsumerRecord<?, ?> record) {}

                    @Override
                    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}
                });
    }

    private boolean hasUnsorted() {
        return listener.hasUnsorted();
    }

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
        start(4, Map.of("overflow", "conflate", "rate-limit.rate", 1, "rate-limit.burst", 1));
        kafka.rebalance(List.of(A, B));
        append(A, 0, 4);
        poll();
        append(B, 0, 3);
        poll();
        assertThat(listener.run.limit.inFlight()).isEqualTo(4);
        assertThat(hasUnsorted()).isTrue();

        kafka.rebalance(List.of(B));
        poll();

        assertThat(hasUnsorted()).isFalse();
        assertThat(listener.run.limit.inFlight()).isEqualTo(3);
    }

    @Test
    void theRoomThatAnotherConsumerHasReservedGoesToWhatWaitsForSome() {
        start(16, Map.of("default-priority", 5));
        kafka.rebalance(List.of(A));
        poll();
        SteppedKafka others = new SteppedKafka(4, List.of(A, B));
        BackpressuredConsumer<Object, String> other = listener.addConsumer(others);
        others.rebalance(List.of(B));
        for (int offset = 0; offset < 4; offset++) {
            others.append(B, offset, "key");
        }
        ConsumerRecords<Object, String> polled = other.poll(Duration.ZERO);
        listener.change(TestOptions.of(Ordering.PARTITION, 2, 0.5), 1);
        other.dispatch(polled);
        assertThat(listener.run.limit.inFlight()).isZero();
        assertThat(hasUnsorted()).isTrue();

        poll();
        other.poll(Duration.ZERO);

        assertThat(listener.run.limit.inFlight()).isEqualTo(2);
    }
}
