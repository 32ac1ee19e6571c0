package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.task.RecordTask;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Records that a worker takes out of the room together with one before them, as for a batch, and may not start. */
class RecordsTakenBehindTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int POLL = 10;

    private final SteppedKafka kafka = new SteppedKafka(POLL, List.of(PARTITION));

    private final List<Long> handled = new ArrayList<>();

    @ParameterizedTest
    @CsvSource({"PARTITION, true", "PARTITION, false", "KEY, true", "KEY, false"})
    void aRecordThatASeekOrARevokeOvertakesHoldsNoPlaceAndComesAgain(Ordering ordering, boolean sought) {
        SteppedListener listener = new SteppedListener(
                kafka,
                TestOptions.of(ordering, 100, 0.5, null, 2, Map.of("max-age", "1d", "max-in-flight-bytes", "1MB")),
                POLL,
                false,
                new SteppedListener.Observer() {
                    @Override
                    public void started(ConsumerRecord<?, ?> record) {}

                    @Override
                    public void finished(ConsumerRecord<?, ?> record, boolean counts) {
                        if (counts) {
                            handled.add(record.offset());
                        }
                    }
                });
        kafka.rebalance(List.of(PARTITION));
        for (int offset = 0; offset < 3; offset++) {
            kafka.append(PARTITION, offset, "key");
        }
        listener.poll();
        listener.runWorkers();
        assertThat(listener.running).hasSize(1);
        RecordTask next = (RecordTask) listener.running.get(0).task().takeSuccessor();
        assertThat(next.record.offset()).isEqualTo(1);

        if (sought) {
            listener.consumer.seek(PARTITION, 1);
        } else {
            kafka.rebalance(List.of());
        }
        listener.poll();
        assertThat(next.isOver()).isTrue();
        next.notStarted();
        if (!sought) {
            listener.abandon(listener.running.get(0));
            assertThat(listener.run.limit.inFlight()).isZero();
            kafka.rebalance(List.of(PARTITION));
            listener.poll();
        }
        for (int round = 0; round < 4; round++) {
            listener.runWorkers();
            List.copyOf(listener.running).forEach(listener::finish);
            listener.poll();
        }
        assertThat(listener.run.limit.inFlight()).isZero();
        assertThat(listener.run.room.bytes.inFlight()).isZero();
        assertThat(listener.container.side.overload.room().size()).isZero();
        assertThat(handled).contains(1L, 2L);
    }
}
