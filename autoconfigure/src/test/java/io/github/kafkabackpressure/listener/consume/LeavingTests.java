package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment;
import io.github.kafkabackpressure.listener.handle.WorkerWaits;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.Nanos;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongFunction;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;

/** How partitions leave a consumer when the loop ends, at a revoke, and when something throws meanwhile. */
class LeavingTests {

    private static final TopicPartition FIRST = new TopicPartition("first", 0);

    private static final TopicPartition SECOND = new TopicPartition("second", 0);

    private final Kafka kafka = new Kafka();

    private final List<Collection<TopicPartition>> revoked = new ArrayList<>();

    /** What was committed in the end. */
    private final Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();

    private long now;

    private Runnable atClock = () -> {};

    private ListenerRun run;

    private BackpressuredConsumer<Object, String> consumer;

    /** Kafka's consumer, which may be in a rebalance, not know a partition any more, or fail its polls. */
    private final class Kafka extends MockConsumer<Object, String> {

        private int pollsToEndOfRebalance;

        private boolean isRebalancing;

        private TopicPartition deleted;

        /** What fails so many commits, each of which takes a tenth of a second. */
        private RuntimeException commitFailure;

        private int failingCommits;

        /** How long a commit's metadata may be. */
        private int maxMetadata = Integer.MAX_VALUE;

        /** How long the broker takes to refuse longer metadata. */
        private Duration refusalTime = Duration.ZERO;

        private RuntimeException pollFailure;

        private final List<Set<TopicPartition>> pausedAtPolls = new ArrayList<>();

        private Kafka() {
            super("earliest");
        }

        @Override
        public synchronized ConsumerRecords<Object, String> poll(Duration timeout) {
            if (isRebalancing) {
                pausedAtPolls.add(Set.copyOf(paused()));
                isRebalancing = --pollsToEndOfRebalance > 0;
            }
            if (pollFailure != null) {
                throw pollFailure;
            }
            return super.poll(timeout);
        }

        @Override
        public synchronized void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
            if (isRebalancing) {
                throw new RebalanceInProgressException("poll first");
            }
            if (failingCommits > 0) {
                failingCommits--;
                now += Duration.ofMillis(100).toNanos();
                throw commitFailure;
            }
            if (offsets.containsKey(deleted)) {
                now += timeout.toNanos();
                throw new TimeoutException("tried for " + timeout);
            }
            if (offsets.values().stream().anyMatch(offset -> offset.metadata().length() > maxMetadata)) {
                now += timeout.compareTo(refusalTime) < 0 ? timeout.toNanos() : refusalTime.toNanos();
                throw new OffsetMetadataTooLarge("too much is said");
            }
            super.commitSync(offsets, timeout);
            committed.putAll(offsets);
        }

        @Override
        public synchronized Map<String, List<PartitionInfo>> listTopics(Duration timeout) {
            return Map.of(FIRST.topic(), List.of(new PartitionInfo(FIRST.topic(), 0, null, null, null)));
        }
    }

    private void start(LongFunction<OffsetAndMetadata> metadata) {
        startWith(CommitContent.plain(metadata));
    }

    private void startWith(CommitContent content) {
        TestRun started = new TestRun(
                TestOptions.of(Ordering.PARTITION, 10, 1.0),
                4,
                task -> {},
                listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
                () -> {
                    atClock.run();
                    return now;
                });
        run = started.run;
        consumer = new BackpressuredConsumer<>(kafka, started.side, true, false, Duration.ofMinutes(5), content);
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("first", "second"), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                revoked.add(partitions);
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
        });
        consumer.poll(Duration.ZERO);
        kafka.rebalance(List.of(FIRST, SECOND));
        consumer.poll(Duration.ZERO);
        for (TopicPartition partition : List.of(FIRST, SECOND)) {
            kafka.addRecord(new ConsumerRecord<>(partition.topic(), 0, 0, "key", "value"));
            kafka.addRecord(new ConsumerRecord<>(partition.topic(), 0, 1, "key", "value"));
        }
        consumer.dispatch(consumer.poll(Duration.ZERO));
    }

    /** Finishes the first record of each partition; the second one waits. */
    private void startAndFinishOneEach(LongFunction<OffsetAndMetadata> metadata) {
        startWithAndFinishOneEach(CommitContent.plain(metadata));
    }

    private void startWithAndFinishOneEach(CommitContent content) {
        startWith(content);
        for (TopicPartition partition : List.of(FIRST, SECOND)) {
            consumer.work().work(partition).tracker.finish(0, 1);
        }
    }

    /** Content of which there is always less to try with. */
    private static final class Endless implements CommitContent {

        private int refusals;

        @Override
        public OffsetAndMetadata of(PartitionWork work) {
            return new OffsetAndMetadata(work.tracker.frontier(), "much");
        }

        @Override
        public boolean remembers() {
            return true;
        }

        @Override
        public boolean refused(Exception failure, Collection<OffsetAndMetadata> offsets) {
            refusals++;
            return true;
        }
    }

    @Test
    void offsetsAreCommittedAloneWithinTheTimeOnceThereIsNoneLeftToTryWithLess() {
        Endless content = new Endless();
        startWithAndFinishOneEach(content);
        kafka.maxMetadata = 0;
        kafka.refusalTime = Duration.ofMillis(300);
        long before = now;

        consumer.unsubscribe();

        assertThat(content.refusals).isGreaterThan(1);
        assertThat(committed)
                .containsEntry(FIRST, new OffsetAndMetadata(1))
                .containsEntry(SECOND, new OffsetAndMetadata(1));
        assertThat(now - before).isLessThan(run.settings.drainTimeout().toNanos());
    }

    private void failCommits(int times, String why) {
        kafka.failingCommits = times;
        kafka.commitFailure = new CommitFailedException(why);
    }

    @Test
    void aLastCommitWhoseEpochIsStaleIsMadeAgainWithTheNewOne() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        failCommits(3, "OffsetCommit failed with stale member epoch. " + Errors.STALE_MEMBER_EPOCH.message());

        consumer.unsubscribe();

        assertThat(committed)
                .containsEntry(FIRST, new OffsetAndMetadata(1))
                .containsEntry(SECOND, new OffsetAndMetadata(1));
    }

    @Test
    void aLastCommitWhoseEpochStaysStaleIsTriedWithinTheTimeOnly() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        failCommits(
                Integer.MAX_VALUE,
                "OffsetCommit failed with stale member epoch. " + Errors.STALE_MEMBER_EPOCH.message());
        long before = now;

        consumer.unsubscribe();

        assertThat(committed).isEmpty();
        assertThat(now - before)
                .isLessThan(run.settings.drainTimeout().plusSeconds(2).toNanos());
    }

    @Test
    void aLastCommitOfWhoIsNoMemberAnyMoreIsNotMadeAgain() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        failCommits(
                Integer.MAX_VALUE, "OffsetCommit failed with unknown member id. " + Errors.UNKNOWN_MEMBER_ID.message());

        consumer.unsubscribe();

        assertThat(committed).isEmpty();
        assertThat(kafka.failingCommits).isEqualTo(Integer.MAX_VALUE - 1);
    }

    @Test
    void aTextOfTheUsersThatTheBrokerRefusesCostsNoOffsetAndNoOthersText() {
        startAndFinishOneEach(offset -> new OffsetAndMetadata(offset, offset == 1 ? "a text too long" : "short"));
        consumer.work().work(SECOND).tracker.finish(1, 1);
        kafka.maxMetadata = 5;

        consumer.unsubscribe();

        assertThat(committed)
                .containsEntry(FIRST, new OffsetAndMetadata(1))
                .containsEntry(SECOND, new OffsetAndMetadata(2, "short"));
    }

    private static OffsetAndMetadata failing(long offset) {
        throw new IllegalStateException("no metadata for " + offset);
    }

    @Test
    void theLastCommitGoesOnWithARebalanceAndIsTriedAgainWithEverythingPaused() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        kafka.isRebalancing = true;
        kafka.pollsToEndOfRebalance = 3;

        consumer.unsubscribe();

        assertThat(kafka.pausedAtPolls).hasSize(3).allMatch(paused -> paused.equals(Set.of(FIRST, SECOND)));
        assertThat(committed)
                .containsEntry(FIRST, new OffsetAndMetadata(1))
                .containsEntry(SECOND, new OffsetAndMetadata(1));
    }

    @Test
    void theLastCommitIsGivenUpWhenTheRebalanceOutlastsTheDrainsTime() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        kafka.isRebalancing = true;
        kafka.pollsToEndOfRebalance = Integer.MAX_VALUE;
        atClock = () -> now += TimeUnit.SECONDS.toNanos(1);

        consumer.close();

        assertThat(kafka.closed()).isTrue();
        assertThat(run.limit.inFlight()).isZero();
    }

    @Test
    void aRevokeDoesNotPollToGoOnWithTheRebalanceThatItIsPartOf() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        kafka.isRebalancing = true;
        kafka.pollsToEndOfRebalance = 1;
        kafka.rebalance(List.of(SECOND));
        assertThat(kafka.pausedAtPolls).isEmpty();
        assertThat(consumer.work().work(FIRST)).isNull();
    }

    @Test
    void aPartitionWhoseTopicWasDeletedHoldsUpNoOthersCommit() {
        startAndFinishOneEach(OffsetAndMetadata::new);
        kafka.deleted = SECOND;
        long before = now;

        consumer.unsubscribe();

        assertThat(committed).containsEntry(FIRST, new OffsetAndMetadata(1)).doesNotContainKey(SECOND);
        assertThat(now - before).isEqualTo(TimeUnit.SECONDS.toNanos(1));
    }

    @Test
    void eachPartitionIsLeftAndTheConsumerIsClosedThoughLeavingThrows() {
        startAndFinishOneEach(LeavingTests::failing);
        consumer.unsubscribe();
        assertThat(consumer.work().works()).isEmpty();
        consumer.close();
        assertThat(kafka.closed()).isTrue();
        assertThat(run.limit.inFlight()).isZero();
        assertThat(run.room.consumers()).isEmpty();
    }

    @Test
    void theConsumerIsClosedThoughAnErrorIsThrownInClosing() {
        startAndFinishOneEach(offset -> {
            throw new AssertionError("no metadata");
        });
        consumer.close();
        assertThat(kafka.closed()).isTrue();
        assertThat(run.limit.inFlight()).isZero();
    }

    @Test
    void anErrorInARevokeStopsTheContainerOnceAllPartitionsAreLeftAndTheLoopKnowsOfIt() {
        startAndFinishOneEach(offset -> {
            throw new AssertionError("no metadata");
        });
        assertThatThrownBy(() -> kafka.rebalance(List.of())).isInstanceOf(AssertionError.class);
        assertThat(consumer.work().works()).isEmpty();
        assertThat(revoked).hasSize(1);
        assertThat(run.limit.inFlight()).isZero();
    }

    @Test
    void whatThrowsWhileCompletionsAreTakenInLosesNoOtherCompletion() {
        start(OffsetAndMetadata::new);
        Assignment assignment = consumer.work();
        RecordTask failing = new RecordTask(new ConsumerRecord<>("first", 0, 1, "key", "value"), null, 1, 0);
        RecordTask good =
                new RecordTask(new ConsumerRecord<>("first", 0, 0, "key", "value"), assignment.work(FIRST), 0, 0);
        good.handled = true;
        for (RecordTask task : List.of(good, failing)) {
            assignment.link.mailbox.put(task);
        }
        assertThatThrownBy(assignment::takeCompletions).isInstanceOf(RuntimeException.class);
        assertThat(assignment.work(FIRST).tracker.frontier()).isEqualTo(1);
    }

    @Test
    void aDrainAfterPollsThatFailedHasAllOfItsTime() {
        start(OffsetAndMetadata::new);
        kafka.pollFailure = new AuthenticationException("not for now");
        for (int i = 0; i < 10; i++) {
            now += TimeUnit.MINUTES.toNanos(1);
            assertThatThrownBy(() -> consumer.poll(Duration.ofSeconds(1))).isSameAs(kafka.pollFailure);
        }
        PartitionWork work = consumer.work().work(FIRST);
        RecordTask task = new RecordTask(new ConsumerRecord<>("first", 0, 0, "key", "value"), work, 0, 0);
        work.inFlight.start();
        Thread own = Thread.currentThread();
        int[] looks = {0};
        atClock = () -> {
            LockSupport.unpark(own);
            if (++looks[0] == 20) {
                run.flight.finished(task, RecordOutcome.HANDLED, now); // as a worker would after a while
            }
        };

        consumer.unsubscribe();

        assertThat(committed).containsEntry(FIRST, new OffsetAndMetadata(1));
    }

    @Test
    void aPollTimeoutOfAnyLengthIsOne() {
        start(OffsetAndMetadata::new);
        assertThat(consumer.poll(Duration.ofMillis(Long.MAX_VALUE))).isEmpty();
        assertThat(Nanos.of(Duration.ofMillis(Long.MAX_VALUE))).isEqualTo(Long.MAX_VALUE);
        assertThat(Nanos.of(Duration.ofMillis(5))).isEqualTo(5_000_000);
        assertThat(Nanos.roundedUp(Long.MAX_VALUE).toMillis()).isEqualTo(Long.MAX_VALUE / 1_000_000 + 1);
        assertThat(Nanos.roundedUp(1)).isEqualTo(Duration.ofMillis(1));
        assertThat(Nanos.roundedUp(0)).isZero();
        assertThat(Nanos.roundedUp(-1)).isZero();
    }

    @Test
    void aNackOfCenturiesIsOneLikeOthers() {
        start(OffsetAndMetadata::new);
        Duration centuries = Duration.ofSeconds(Long.MAX_VALUE);
        new WorkerWaits(run).sleepWhile(() -> false, centuries);
        RecordAcknowledgment acknowledgment = new RecordAcknowledgment();
        acknowledgment.nack(centuries);
        assertThat(acknowledgment.signal()).isEqualTo(new RecordAcknowledgment.Signal.Nacked(0, centuries));
    }

    @Test
    void theReasonWhyAPollFailedIsKnownUntilOneDoesNot() {
        start(OffsetAndMetadata::new);
        kafka.pollFailure = new AuthenticationException("not for now");
        assertThatThrownBy(() -> consumer.poll(Duration.ZERO)).isSameAs(kafka.pollFailure);
        assertThat(run.failure.cause()).isSameAs(kafka.pollFailure);
        kafka.pollFailure = null;
        consumer.poll(Duration.ZERO);
        assertThat(run.failure.cause()).isNull();
    }
}
