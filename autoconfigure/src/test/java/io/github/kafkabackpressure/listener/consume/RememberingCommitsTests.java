package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.SteppedKafka;
import io.github.kafkabackpressure.listener.SteppedListener;
import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.progress.RememberedProgress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What becomes of what is remembered, step by step. */
class RememberingCommitsTests implements SteppedListener.Observer {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final SteppedKafka kafka = new SteppedKafka(100, List.of(PARTITION));

    private final List<Long> started = new ArrayList<>();

    private final SteppedListener listener =
            new SteppedListener(kafka, SteppedListener.options(Ordering.UNORDERED, 100, 0.5, 50), 50, false, this);

    @Override
    public void started(ConsumerRecord<?, ?> record) {
        started.add(record.offset());
    }

    @Override
    public void finished(ConsumerRecord<?, ?> record, boolean counts) {}

    private void remember(long... finished) {
        for (long offset = 0; offset < 20; offset++) {
            kafka.append(PARTITION, offset, "key");
        }
        RememberedProgress progress = new RememberedProgress(5, -1, 0, OffsetRanges.of(finished));
        kafka.groupOffsets.put(PARTITION, new OffsetAndMetadata(5, CommitMetadata.encode(progress, 4096)));
        kafka.rebalance(List.of(PARTITION));
    }

    private void poll() {
        listener.poll();
        listener.runWorkers();
    }

    @Test
    void whatIsRememberedIsPassedOverAndOutOfFlight() {
        remember(6, 15, 16, 19);
        poll();
        assertThat(started).containsExactly(5L, 15L, 19L);
        assertThat(listener.run.limit.inFlight()).isEqualTo(3);
        List.copyOf(listener.running).forEach(listener::finish);
        poll();
        assertThat(kafka.groupOffset(PARTITION)).isEqualTo(20);
    }

    /** The first of 20 records hangs, the others are finished and committed as such. */
    private void oneHangs() {
        for (long offset = 0; offset < 20; offset++) {
            kafka.append(PARTITION, offset, "key");
        }
        kafka.rebalance(List.of(PARTITION));
        poll();
        List.copyOf(listener.running).stream().skip(1).forEach(listener::finish);
        listener.advance(Duration.ofSeconds(10));
        listener.poll();
        assertThat(kafka.remembered(PARTITION)).isEqualTo(OffsetRanges.of(1, 20));
    }

    private void whatTheUserWipesOutIsCommittedAgain() {
        oneHangs();
        listener.consumer.commitSync(Map.of(PARTITION, new OffsetAndMetadata(0)), Duration.ofSeconds(1));
        assertThat(kafka.remembered(PARTITION)).isEqualTo(OffsetRanges.NONE);
        listener.advance(Duration.ofSeconds(10));
        listener.poll();
        assertThat(kafka.remembered(PARTITION)).isEqualTo(OffsetRanges.of(1, 20));
    }

    @Test
    void whatTheUsersOwnCommitHasWipedOutIsCommittedAgainThoughNothingElseHappens() {
        whatTheUserWipesOutIsCommittedAgain();
    }

    @Test
    void anAnswerThatComesInTheUsersOwnCommitDoesNotSayThatThatRemembers() {
        kafka.answerLate();
        whatTheUserWipesOutIsCommittedAgain();
    }

    @Test
    void aSeekToTheBeginningBringsEverythingAgain() {
        remember(6, 15);
        listener.consumer.seekToBeginning(List.of(PARTITION));
        poll();
        assertThat(started).hasSize(20).contains(6L, 14L);
    }

    @Test
    void aSeekBringsWhatIsAtOrPastItsTarget() {
        remember(6, 15);
        listener.consumer.seek(PARTITION, 10);
        poll();
        assertThat(started).startsWith(10L).hasSize(10);
    }

    @Test
    void aPartitionThatIsLostAndComesBackIsRememberedAsItWasCommitted() {
        remember(6, 15);
        poll();
        kafka.lose(List.of());
        started.clear();
        kafka.rebalance(List.of(PARTITION));
        poll();
        assertThat(started).containsExactly(5L, 15L, 16L, 17L, 18L, 19L);
    }
}
