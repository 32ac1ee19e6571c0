package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.SteppedKafka;
import io.github.kafkabackpressure.listener.SteppedListener;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What is held up behind a record that hangs, as the other partitions' room goes by it. */
class HeldUpTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final TopicPartition OTHER = new TopicPartition("topic", 1);

    @Override
    public void started(ConsumerRecord<?, ?> record) {}

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    @Test
    void whatIsHeldUpIsCountedAlsoInAPartitionThatIsPausedForItsMetadata() {
        SteppedKafka kafka = new SteppedKafka(50, List.of(PARTITION, OTHER));
        for (int offset = 0; offset < 40; offset++) {
            kafka.append(PARTITION, offset, "hot");
        }
        // So little metadata that another poll might be too much for it from the start.
        SteppedListener listener =
                new SteppedListener(kafka, SteppedListener.options(Ordering.KEY, 1000, 0.5, 5), 500, false, this, 64);
        kafka.rebalance(List.of(PARTITION, OTHER));
        listener.poll();
        listener.runWorkers();
        assertThat(listener.running).hasSize(1);

        listener.poll();

        assertThat(listener.consumer.work().work(PARTITION).reason).isEqualTo(PauseReason.COMMIT_METADATA);
        assertThat(listener.run.held).hasValue(40);
    }
}
