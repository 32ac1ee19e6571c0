package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.junit.jupiter.api.Test;

class BackpressuredConsumerTests {

    private static final TopicPartition FIRST = new TopicPartition("topic", 0);

    private static final TopicPartition SECOND = new TopicPartition("topic", 1);

    private final Kafka kafka = new Kafka();

    private long now;

    private BackpressuredConsumer<Object, String> consumer = consumer(Ordering.PARTITION, OffsetAndMetadata::new);

    /** Kafka's consumer, whose commits fail at once if they are told to. */
    private static final class Kafka extends MockConsumer<Object, String> {

        private KafkaException commitFailure;

        private final List<Duration> timeouts = new ArrayList<>();

        private final List<Map<TopicPartition, OffsetAndMetadata>> commits = new ArrayList<>();

        private int lateWakeups;

        private volatile boolean wokenUp;

        private Kafka() {
            super("earliest");
        }

        @Override
        public synchronized ConsumerRecords<Object, String> poll(Duration timeout) {
            timeouts.add(timeout);
            return super.poll(timeout);
        }

        @Override
        public void wakeup() {
            wokenUp = true;
            super.wakeup();
        }

        @Override
        public synchronized List<PartitionInfo> partitionsFor(String topic, Duration timeout) {
            if (wokenUp) {
                wokenUp = false;
                throw new WakeupException();
            }
            return super.partitionsFor(topic, timeout);
        }

        @Override
        public synchronized long position(TopicPartition partition) {
            if (lateWakeups > 0) {
                lateWakeups--;
                throw new WakeupException();
            }
            return super.position(partition);
        }

        @Override
        public synchronized void commitAsync(
                Map<TopicPartition, OffsetAndMetadata> offsets, OffsetCommitCallback callback) {
            if (commitFailure != null) {
                throw commitFailure;
            }
            commits.add(offsets);
            super.commitAsync(offsets, callback);
        }
    }

    /** A consumer whose records nobody handles but the test. */
    private BackpressuredConsumer<Object, String> consumer(
            Ordering ordering, LongFunction<OffsetAndMetadata> metadata) {
        return new BackpressuredConsumer<>(
                kafka,
                new TestRun(
                                TestOptions.of(ordering, 10, 1.0),
                                4,
                                task -> {},
                                listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
                                () -> now)
                        .side,
                true,
                false,
                Duration.ofMinutes(5),
                CommitContent.plain(metadata));
    }

    private void assign() {
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("topic"));
        consumer.poll(Duration.ZERO);
        kafka.rebalance(List.of(FIRST));
        consumer.poll(Duration.ZERO);
    }

    private void pollAndDispatch() {
        consumer.dispatch(consumer.poll(Duration.ZERO));
    }

    private void finish(TopicPartition partition, int records) {
        PartitionWork work = consumer.work().work(partition);
        work.tracker.finish(work.tracker.head(), records);
        consumer.work().touch(work);
    }

    private void addRecords(long from, int count, Object key) {
        for (long offset = from; offset < from + count; offset++) {
            kafka.addRecord(new ConsumerRecord<>(FIRST.topic(), FIRST.partition(), offset, key, "value"));
        }
    }

    @Test
    void knowsItsPartitionsThroughRebalancesWithoutACopyForEachLook() {
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("topic"));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).isEmpty();

        kafka.rebalance(List.of(FIRST, SECOND));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).containsExactlyInAnyOrder(FIRST, SECOND);
        assertThat(consumer.assignment()).isSameAs(consumer.assignment());

        kafka.rebalance(List.of(SECOND));
        consumer.poll(Duration.ZERO);
        assertThat(consumer.assignment()).containsExactly(SECOND);

        consumer.unsubscribe();
        assertThat(consumer.assignment()).isEmpty();
    }

    @Test
    void aCommitThatThrowsIsTriedAgain() {
        assign();
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 3);
        now += TimeUnit.HOURS.toNanos(1);
        kafka.commitFailure = new KafkaException("no coordinator");
        assertThatThrownBy(() -> consumer.poll(Duration.ZERO)).isSameAs(kafka.commitFailure);

        kafka.commitFailure = null;
        now += TimeUnit.SECONDS.toNanos(2);
        consumer.poll(Duration.ZERO);
        assertThat(kafka.committed(Set.of(FIRST))).containsEntry(FIRST, new OffsetAndMetadata(3));
    }

    @Test
    void whatIsHandledAfterKafkaWentBackByItselfIsCommitted() {
        assign();
        kafka.seek(FIRST, 100);
        addRecords(100, 3, "key");
        pollAndDispatch();
        finish(FIRST, 3);
        now += TimeUnit.HOURS.toNanos(1);
        consumer.poll(Duration.ZERO);
        assertThat(kafka.committed(Set.of(FIRST))).containsEntry(FIRST, new OffsetAndMetadata(103));

        kafka.seek(FIRST, 0); // not by the decorator: as a reset of the position does it
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 2);
        now += TimeUnit.HOURS.toNanos(1);
        consumer.poll(Duration.ZERO);
        assertThat(kafka.committed(Set.of(FIRST))).containsEntry(FIRST, new OffsetAndMetadata(2));
    }

    @Test
    void recordsThatCannotBeHandedOverStopTheContainer() {
        consumer = consumer(Ordering.KEY, OffsetAndMetadata::new);
        assign();
        List<ConsumerRecord<Object, String>> failing = new AbstractList<>() {
            @Override
            public ConsumerRecord<Object, String> get(int index) {
                if (index == 1) {
                    throw new IllegalStateException("no record");
                }
                return new ConsumerRecord<>(FIRST.topic(), FIRST.partition(), index, "key", "value");
            }

            @Override
            public int size() {
                return 3;
            }
        };
        assertThatThrownBy(() -> consumer.dispatch(new ConsumerRecords<>(Map.of(FIRST, failing), Map.of())))
                .isInstanceOf(Error.class)
                .hasRootCauseMessage("no record");
    }

    @Test
    void aPartitionIsForgottenThoughWhatToCommitForItCannotBeSaid() {
        consumer = consumer(Ordering.PARTITION, offset -> {
            throw new IllegalStateException("no metadata");
        });
        assign();
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 3);
        assertThatIllegalStateException().isThrownBy(() -> kafka.rebalance(List.of(SECOND)));
        assertThat(consumer.work().work(FIRST)).isNull();
    }

    @Test
    void thePositionOfAPartitionThatIsRevokedIsWhereItsNextOwnerBegins() {
        List<Long> positions = new ArrayList<>();
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("topic"), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                partitions.forEach(partition -> positions.add(consumer.position(partition)));
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
        });
        consumer.poll(Duration.ZERO);
        kafka.rebalance(List.of(FIRST));
        consumer.poll(Duration.ZERO);
        addRecords(0, 3, "key");
        pollAndDispatch();
        assertThat(consumer.position(FIRST)).isEqualTo(3);
        finish(FIRST, 1);

        kafka.rebalance(List.of(SECOND));

        assertThat(positions).containsExactly(1L);
    }

    @Test
    void whatNobodyHasAcknowledgedIsGivenUpWithASeekAndWithItsPartition() {
        assign();
        addRecords(0, 3, "key");
        pollAndDispatch();
        RecordAcknowledgment beforeSeek = new RecordAcknowledgment();
        consumer.work().work(FIRST).addUnacknowledged(beforeSeek::giveUp);
        consumer.seek(FIRST, 0);
        consumer.poll(Duration.ZERO);
        assertThat(beforeSeek.signal()).isEqualTo(Signal.GivenUp.GIVEN_UP);

        RecordAcknowledgment afterSeek = new RecordAcknowledgment();
        PartitionWork work = consumer.work().work(FIRST);
        work.addUnacknowledged(afterSeek::giveUp);
        kafka.rebalance(List.of(SECOND));
        assertThat(afterSeek.signal()).isEqualTo(Signal.GivenUp.GIVEN_UP);

        RecordAcknowledgment tooLate = new RecordAcknowledgment();
        work.addUnacknowledged(tooLate::giveUp);
        assertThat(tooLate.signal()).isEqualTo(Signal.GivenUp.GIVEN_UP);
    }

    private void assertCommitted(long offset) {
        assertThat(kafka.committed(Set.of(FIRST)).get(FIRST).offset()).isEqualTo(offset);
    }

    @Test
    void theUsersCommitsAreNotPastAnUnfinishedRecord() {
        assign();
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 1);

        consumer.commitSync();
        assertCommitted(1);
        finish(FIRST, 1);
        consumer.commitAsync();
        assertCommitted(2);
        consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(consumer.position(FIRST), "note")));
        assertThat(kafka.committed(Set.of(FIRST))).containsEntry(FIRST, new OffsetAndMetadata(2, "note"));
        consumer.commitAsync(Map.of(FIRST, new OffsetAndMetadata(1)), null);
        assertCommitted(1);
        finish(FIRST, 1);
        consumer.commitSync(Duration.ofSeconds(1));
        assertCommitted(3);
        consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(50)));
        assertCommitted(50);
    }

    @Test
    void theUsersCommitsAtARevokeAreNotPastWhatWasLeft() {
        kafka.updateBeginningOffsets(Map.of(FIRST, 0L, SECOND, 0L));
        consumer.subscribe(List.of("topic"), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                consumer.commitSync();
                consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(3)));
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
        });
        consumer.poll(Duration.ZERO);
        kafka.rebalance(List.of(FIRST));
        consumer.poll(Duration.ZERO);
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 1);

        kafka.commits.clear();
        kafka.rebalance(List.of(SECOND));
        assertThat(kafka.commits)
                .isNotEmpty()
                .allSatisfy(offsets -> assertThat(offsets.get(FIRST).offset()).isEqualTo(1));

        kafka.commits.clear();
        consumer.commitSync(); // by then its next owner may have come further
        assertThat(kafka.commits).allSatisfy(offsets -> assertThat(offsets).doesNotContainKey(FIRST));
    }

    @Test
    void whatAPollHasReturnedIsNotCommittedAndIsHandedOverBeforeTheNext() {
        assign();
        addRecords(0, 3, "key");
        assertThat(consumer.poll(Duration.ZERO).count()).isEqualTo(3); // and the loop throws an exception
        consumer.commitSync(Map.of(FIRST, new OffsetAndMetadata(3)));
        assertCommitted(0);

        consumer.poll(Duration.ZERO);

        PartitionWork work = consumer.work().work(FIRST);
        assertThat(work.inFlight.inFlight()).isEqualTo(3);
        assertThat(work.tracker.frontier()).isZero();
        assertThat(consumer.work().run.limit.inFlight()).isEqualTo(3);
    }

    @Test
    void aSeekBeforeTheHandOverTouchesOnlyWhatIsPastItsTarget() {
        assign();
        addRecords(0, 3, "key");
        consumer.poll(Duration.ZERO);
        consumer.seek(FIRST, 2);
        addRecords(2, 1, "key");

        consumer.dispatch(consumer.poll(Duration.ZERO));

        PartitionWork work = consumer.work().work(FIRST);
        assertThat(work.hasDropped(1)).isFalse();
        assertThat(work.hasDropped(2)).isTrue();
        work.tracker.finish(0, 2);
        assertThat(work.tracker.frontier()).isEqualTo(2);
        work.tracker.finish(2);
        assertThat(work.tracker.frontier()).isEqualTo(2);
        work.tracker.finish(3);
        assertThat(work.tracker.frontier()).isEqualTo(3);
    }

    @Test
    void onlyWhereSeeksEndCounts() {
        assign();
        addRecords(0, 4, "key");
        pollAndDispatch();
        consumer.seekToBeginning(List.of(FIRST));
        consumer.seek(FIRST, 3);
        consumer.poll(Duration.ZERO);

        PartitionWork work = consumer.work().work(FIRST);
        assertThat(work.hasDropped(0)).isFalse();
        assertThat(work.hasDropped(2)).isFalse();
        assertThat(work.hasDropped(3)).isTrue();

        consumer.seekToBeginning(List.of(FIRST));
        consumer.poll(Duration.ZERO);
        assertThat(work.hasDropped(0)).isTrue();
    }

    @Test
    void aCommitThatIsAnsweredAfterASeekBackDoesNotCountForWhatComesAgain() {
        assign();
        addRecords(0, 3, "key");
        pollAndDispatch();
        finish(FIRST, 3);
        consumer.seek(FIRST, 1);
        now += TimeUnit.HOURS.toNanos(1);
        consumer.poll(Duration.ZERO);
        addRecords(1, 2, "key");
        pollAndDispatch();
        finish(FIRST, 1);
        now += TimeUnit.HOURS.toNanos(1);
        consumer.poll(Duration.ZERO);
        assertCommitted(2);
    }

    @Test
    void aRequestToTheLoopThatComesAfterItsLookKeepsThePollFromBlocking() {
        assign();
        consumer.work().link.wakeLoop(); // between the loop's look at its seeks and the tick
        consumer.poll(Duration.ofSeconds(7));
        assertThat(kafka.timeouts).last().isEqualTo(Duration.ZERO);
        consumer.poll(Duration.ofSeconds(7));
        assertThat(kafka.timeouts).last().isNotEqualTo(Duration.ZERO);

        consumer.wakeup();
        assertThat(consumer.position(FIRST)).isZero(); // and not hit by the wake-up
        consumer.poll(Duration.ofSeconds(7));
        assertThat(kafka.timeouts).last().isEqualTo(Duration.ZERO);
    }

    @Test
    void aWorkersLateWakeupHitsNoCallBetweenTwoPolls() {
        assign();
        kafka.lateWakeups = 3;
        assertThat(consumer.position(FIRST)).isZero();
    }

    @Test
    void theWakeUpOfAStopOutlastsWhatAWorkerAsksWhileADrainLasts() throws Exception {
        assign();
        kafka.updatePartitions("other", List.of(new PartitionInfo("other", 0, null, null, null)));
        addRecords(0, 1, "key");
        pollAndDispatch();
        PartitionWork work = consumer.work().work(FIRST);
        work.inFlight.start();
        RecordTask running = new RecordTask(new ConsumerRecord<>("topic", 0, 0, "key", "value"), work, 0, 0);
        try (var threads = new OtherThread()) {
            CompletableFuture<List<PartitionInfo>> answer = CompletableFuture.supplyAsync(
                    () -> {
                        await().until(work.inFlight::isClosed);
                        consumer.wakeup();
                        kafka.wokenUp = true; // as if it had hit what is asked next
                        try {
                            return consumer.partitionsFor("other");
                        } finally {
                            consumer.work().run.flight.finished(running, RecordOutcome.HANDLED, 0);
                        }
                    },
                    threads.executor);
            kafka.rebalance(List.of(SECOND));
            assertThat(answer.get(10, TimeUnit.SECONDS)).hasSize(1);
        }
        assertThat(kafka.wokenUp).isTrue(); // anew, for the rest of the poll that the revoke was in
        consumer.poll(Duration.ofSeconds(7));
        assertThat(kafka.timeouts).last().isEqualTo(Duration.ZERO);
    }

    @Test
    void aTopicThatHasNoPartitionsYetIsAskedForAgain() {
        assign();
        assertThat(consumer.work().link.facts.partitionsFor("dead-letters", Duration.ofSeconds(1)))
                .isEmpty();
        PartitionInfo partition = new PartitionInfo("dead-letters", 0, null, null, null);
        kafka.updatePartitions("dead-letters", List.of(partition));
        assertThat(consumer.work().link.facts.partitionsFor("dead-letters", Duration.ofSeconds(1)))
                .containsExactly(partition);
        kafka.updatePartitions("dead-letters", List.of());
        assertThat(consumer.work().link.facts.partitionsFor("dead-letters", Duration.ofSeconds(1)))
                .containsExactly(partition);
    }

    @Test
    void otherThreadsAreAnsweredByTheConsumersThreadUntilItIsClosed() throws Exception {
        assign();
        kafka.updateEndOffsets(Map.of(FIRST, 9L));
        kafka.updatePartitions("topic", List.of(new PartitionInfo("topic", 0, null, null, null)));
        addRecords(0, 3, "key");
        pollAndDispatch();
        try (var threads = new OtherThread()) {
            assertThat(answered(threads, () -> consumer.position(FIRST))).isEqualTo(3L);
            assertThat(answered(threads, () -> consumer.position(FIRST, Duration.ofHours(1))))
                    .isEqualTo(3L);
            assertThat(answered(threads, () -> consumer.committed(Set.of(FIRST))))
                    .isNotNull();
            assertThat(answered(threads, () -> consumer.beginningOffsets(List.of(FIRST))))
                    .containsEntry(FIRST, 0L);
            assertThat(answered(threads, () -> consumer.endOffsets(List.of(FIRST))))
                    .containsEntry(FIRST, 9L);
            assertThat(answered(threads, () -> consumer.partitionsFor("topic"))).hasSize(1);
            Map<String, List<PartitionInfo>> topics = answered(threads, () -> consumer.listTopics());
            assertThat(topics).containsKey("topic");
            assertThat(answered(threads, () -> consumer.subscription())).containsExactly("topic");
            assertThat(answered(threads, () -> consumer.currentLag(FIRST))).isNotNull();

            CompletableFuture<Long> waiting =
                    CompletableFuture.supplyAsync(() -> consumer.position(FIRST), threads.executor);
            await().until(() -> consumer.work().link.calls.isWaiting());
            consumer.close();
            assertThatThrownBy(() -> waiting.get(1, TimeUnit.SECONDS))
                    .hasRootCauseInstanceOf(CancellationException.class);
            assertThatThrownBy(() -> threads.call(() -> consumer.position(FIRST)))
                    .hasMessageContaining("the consumer is closed");
        }
    }

    /** What another thread is answered while the loop goes on. */
    private <T> T answered(OtherThread threads, Supplier<T> question) throws Exception {
        CompletableFuture<T> answer = CompletableFuture.supplyAsync(question, threads.executor);
        while (!answer.isDone()) {
            consumer.poll(Duration.ZERO);
        }
        return answer.get();
    }

    @Test
    void otherThreadsMayAskItWhatItsOwnAnswersAndNothingElse() throws Exception {
        assign();
        try (var threads = new OtherThread()) {
            assertThat(threads.call(consumer::assignment)).containsExactly(FIRST);
            assertThat(threads.call(consumer::paused)).isEmpty();
            assertThat(threads.call(consumer::metrics)).isEmpty();
            assertThat(threads.call(() -> refused(consumer::commitSync))).isTrue();
            assertThat(threads.call(() -> refused(consumer::commitAsync))).isTrue();
            assertThat(threads.call(() -> refused(() -> consumer.seek(FIRST, 0))))
                    .isTrue();
            assertThat(threads.call(() -> refused(() -> consumer.pause(List.of(FIRST)))))
                    .isTrue();
            assertThat(threads.call(() -> refused(() -> consumer.poll(Duration.ZERO))))
                    .isTrue();
            assertThat(threads.call(() -> refused(() -> consumer.subscribe(List.of("other")))))
                    .isTrue();
            assertThat(threads.call(() -> refused(() -> consumer.assign(List.of(SECOND)))))
                    .isTrue();
            assertThat(threads.call(() -> refused(consumer::unsubscribe))).isTrue();
            assertThat(threads.call(() -> refused(consumer::close))).isTrue();
            assertThat(consumer.assignment()).containsExactly(FIRST);
            CompletableFuture<?> group = CompletableFuture.supplyAsync(consumer::groupMetadata, threads.executor);
            while (!group.isDone()) {
                consumer.poll(Duration.ZERO);
            }
            assertThat(group.get()).isNotNull();
        }
    }

    private static boolean refused(Runnable call) {
        try {
            call.run();
            return false;
        } catch (IllegalStateException e) {
            return e.getMessage().contains("serves its own thread only");
        }
    }

    /** A thread that is not the consumer's. */
    private static final class OtherThread implements AutoCloseable {

        private final ExecutorService executor = Executors.newSingleThreadExecutor();

        private <T> T call(Callable<T> call) throws Exception {
            return executor.submit(call).get(10, TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            executor.shutdownNow();
        }
    }
}
