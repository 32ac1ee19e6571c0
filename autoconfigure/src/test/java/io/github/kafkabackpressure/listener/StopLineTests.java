package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class StopLineTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    @Override
    public void started(ConsumerRecord<?, ?> record) {}

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    @Test
    void aListenerThatStopsSaysWhatItHasDoneSinceItsStartAndWhatComesAgain() {
        SteppedKafka kafka = new SteppedKafka(10, List.of(PARTITION));
        SteppedListener listener =
                new SteppedListener(kafka, SteppedListener.options(Ordering.UNORDERED, 100, 0.5, 3), 10, false, this);
        ListenerStats stats = listener.stats;
        stats.started("polls");
        assertThat(stats.stopped(false)).startsWith("0 records ended").endsWith("last commit never");
        stats.started("polls");
        kafka.rebalance(List.of(PARTITION));
        listener.poll();
        for (long offset = 0; offset < 5; offset++) {
            kafka.append(PARTITION, offset, "key");
        }
        listener.poll();
        listener.runWorkers();
        assertThat(listener.running)
                .extracting(running -> running.task().record.offset())
                .containsExactlyInAnyOrder(0L, 1L, 2L);
        List.copyOf(listener.running).stream()
                .filter(running -> running.task().record.offset() != 1)
                .forEach(listener::finish);
        listener.consumer.unsubscribe(); // the commit remembers the third one

        assertThat(stats.stopped(false))
                .startsWith("2 records ended, drained in ")
                .contains(" ms, 1 were left running, 3 polled past the frontiers come again, last commit 20");
        stats.started("polls");
        assertThat(stats.stopped(false)).startsWith("0 records ended, drained in 0 ms, 0 were left running, 0 polled");
    }
}
