package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.progress.OffsetRanges;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.junit.jupiter.api.Test;

class StopLineTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    @Override
    public void started(ConsumerRecord<?, ?> record) {}

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    private final SteppedKafka kafka = new SteppedKafka(10, List.of(PARTITION));

    private ListenerStats stats;

    /** Lets a listener stop of whose five records the second still runs; the last two have not begun. */
    private void stopWithTwoFinished(boolean remembers) {
        ListenerOptions options = TestOptions.of(
                Ordering.UNORDERED, 100, 0.5, null, 3, Map.of("remember-progress", String.valueOf(remembers)));
        SteppedListener listener = new SteppedListener(kafka, options, 10, false, this);
        stats = listener.stats;
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
        listener.consumer.unsubscribe();
    }

    @Test
    void aListenerThatStopsSaysWhatItHasDoneSinceItsStartAndWhatIsRememberedAndComesAgain() {
        stopWithTwoFinished(true);
        assertThat(kafka.remembered(PARTITION)).isEqualTo(OffsetRanges.of(2, 3));
        assertThat(stats.stopped(false))
                .matches("2 records ended, drained in \\d+ ms, 1 were left running, 1 finished past the frontiers are"
                        + " remembered, 0 finished and 3 unfinished ones come again,"
                        + " last commit \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ");
        stats.started("polls");
        assertThat(stats.stopped(false))
                .startsWith("0 records ended, drained in 0 ms, 0 were left running, 0 finished past the frontiers are"
                        + " remembered, 0 finished and 0 unfinished ones come again, last commit 20");
    }

    @Test
    void withoutRememberingWhatIsFinishedPastTheFrontiersComesAgain() {
        stopWithTwoFinished(false);
        assertThat(stats.stopped(false))
                .contains(
                        " 0 finished past the frontiers are remembered, 1 finished and 3 unfinished ones come again,");
    }

    @Test
    void whatNoCommitTellsOfComesAgain() {
        kafka.failNextCommit(new AuthorizationException("not for this group"));
        stopWithTwoFinished(true);
        assertThat(kafka.groupOffset(PARTITION)).isZero();
        assertThat(stats.stopped(false))
                .contains(
                        " 0 finished past the frontiers are remembered, 2 finished and 3 unfinished ones come again,");
    }
}
