package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.flow.DurationCounts;
import io.github.kafkabackpressure.flow.TimeShares;
import java.time.Duration;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QueueWaitTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    @Override
    public void started(ConsumerRecord<?, ?> record) {}

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    @ParameterizedTest
    @ValueSource(longs = {1, 35, 36, 72, 60 * 24 * 30})
    void aWaitOfAnyLengthIsToldAsItWas(long minutes) {
        SteppedKafka kafka = new SteppedKafka(10, List.of(PARTITION));
        SteppedListener listener =
                new SteppedListener(kafka, SteppedListener.options(Ordering.PARTITION, 100, 0.5, 4), 10, false, this);
        kafka.rebalance(List.of(PARTITION));
        listener.poll();
        kafka.append(PARTITION, 0, "key");
        listener.poll();
        long[] before = listener.stats.queueWait.counts();

        listener.advance(Duration.ofMinutes(minutes));
        listener.runWorkers();

        double seconds = listener.stats.totals(new long[TimeShares.KINDS]).queueWaitSeconds();
        assertThat(seconds).isCloseTo(minutes * 60.0, within(1.0));
        long nanos = Duration.ofMinutes(minutes).toNanos();
        assertThat(DurationCounts.quantile(before, listener.stats.queueWait.counts(), 0.99))
                .isBetween(nanos, nanos + nanos / 4 + 1_000_000);
    }
}
