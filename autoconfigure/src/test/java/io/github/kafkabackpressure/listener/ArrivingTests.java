package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ArrivingTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final int PER_SECOND = 5;

    /** As Kafka's consumer, it learns of an end by fetches, of which there are none while it is paused. */
    private static final class Fetching extends SteppedKafka {

        private long known;

        Fetching() {
            super(10, List.of(PARTITION));
        }

        @Override
        public synchronized OptionalLong currentLag(TopicPartition partition) {
            if (!paused().contains(partition)) {
                known = end(partition);
            }
            return OptionalLong.of(Math.max(0, known - position(partition)));
        }
    }

    private final Fetching kafka = new Fetching();

    private final ListenerOptions options = SteppedListener.options(Ordering.UNORDERED, 40, 0.5, 40);

    private final SteppedListener listener = new SteppedListener(kafka, options, 10, false, this);

    private long next;

    @Override
    public void started(ConsumerRecord<?, ?> record) {}

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    @Test
    void whatArrivesPerSecondIsTheSameBeforeWhileAndAfterAllIsPaused() {
        kafka.rebalance(List.of(PARTITION));
        listener.poll();
        for (int second = 0; second < 5; second++) {
            second();
            finishAll();
        }
        assertThat(arriving()).isCloseTo(PER_SECOND, within(0.1));

        int paused = 0;
        for (int second = 0; second < 40; second++) { // nothing is finished: the limit is reached
            second();
            paused += kafka.paused().isEmpty() ? 0 : 1;
            assertThat(arriving()).as("second %s", second).isCloseTo(PER_SECOND, within(0.1));
        }
        assertThat(paused).isGreaterThan(20);
        assertThat(snapshot().timeToDrain()).as("it grows").isNull();

        finishAll();
        for (int second = 0; second < 12; second++) {
            second();
            finishAll();
            assertThat(arriving()).as("second %s after it", second).isCloseTo(PER_SECOND, within(0.1));
        }
        assertThat(kafka.paused()).isEmpty();
    }

    private void second() {
        for (int record = 0; record < PER_SECOND; record++) {
            kafka.append(PARTITION, next++, "key");
        }
        listener.advance(Duration.ofSeconds(1));
        listener.poll();
        listener.runWorkers();
    }

    private void finishAll() {
        List.copyOf(listener.running).forEach(listener::finish);
    }

    private double arriving() {
        return snapshot().recent().arrivedPerSecond();
    }

    private ListenerSnapshot snapshot() {
        return SnapshotReader.read(
                "id", ListenerSnapshot.State.RUNNING, null, options, listener.container, listener.stats);
    }
}
