package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Shares among three partitions, a third of 2,000 each, where polls bring up to 62 records. */
class PauseControlTests {

    private static final int POLL = 62;

    private static final TopicPartition A = new TopicPartition("topic", 0);

    private static final TopicPartition B = new TopicPartition("topic", 1);

    private static final TopicPartition C = new TopicPartition("topic", 2);

    private final MockConsumer<String, String> kafka = new MockConsumer<>("earliest");

    private Assignment assignment;

    private PauseControl pauses;

    private void start(Ordering ordering) {
        TestRun started = new TestRun(
                TestOptions.of(ordering, 2000, 0.5),
                POLL,
                Runnable::run,
                listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
                () -> 0);

        ListenerRun run = started.run;
        assertThat(run.workers.isSlow()).isTrue();
        assignment = new Assignment(started.side, kafka, () -> {});
        assignment.assigned(List.of(A, B, C));
        pauses = new PauseControl(assignment, kafka);
    }

    @BeforeEach
    void assign() {
        kafka.assign(List.of(A, B, C));
        kafka.updateBeginningOffsets(Map.of(A, 0L, B, 0L, C, 0L));
        kafka.updateEndOffsets(Map.of(A, 10_000L, B, 10_000L, C, 10_000L));
        kafka.seekToBeginning(List.of(A, B, C));
        start(Ordering.PARTITION);
    }

    private void poll(TopicPartition partition, int records) {
        PartitionWork work = assignment.work(partition);
        work.inFlight.add(records);
        assignment.touch(work);
    }

    private Set<TopicPartition> pausedAfterTick() {
        pauses.tick(0);
        assignment.settled();
        return kafka.paused();
    }

    @Test
    void thePartitionWithTheLeastInFlightGoesFirst() {
        poll(A, 610);
        poll(B, 650);
        poll(C, 620);
        assertThat(pausedAfterTick()).containsExactlyInAnyOrder(B, C);

        poll(A, POLL);
        assertThat(pausedAfterTick()).containsExactlyInAnyOrder(A, B);

        poll(C, POLL);
        assertThat(pausedAfterTick()).containsExactlyInAnyOrder(A, C);
    }

    @Test
    void aPartitionWithinItsShareIsNotPausedHoweverLittleOthersHave() {
        poll(A, 604);
        assertThat(pausedAfterTick()).isEmpty();

        poll(A, 1);
        assertThat(pausedAfterTick()).containsExactly(A);
    }

    private void leaveNoRecordsOf(TopicPartition... partitions) {
        kafka.seekToEnd(List.of(partitions));
        for (TopicPartition partition : partitions) {
            kafka.position(partition);
        }
    }

    @Test
    void whoHasNoRecordsToBeFetchedIsNotWaitedFor() {
        leaveNoRecordsOf(B, C);

        poll(A, 1500);

        assertThat(pausedAfterTick()).isEmpty();
    }

    /** What a hanging record holds up beyond the low watermark would keep the listener paused once it is full. */
    @Test
    void noPartitionIsPolledBeyondTheLowWatermarkWhileAnotherHasRecords() {
        leaveNoRecordsOf(C);
        poll(A, 800);
        poll(B, 939);
        assertThat(pausedAfterTick()).containsExactly(B);

        poll(A, 139);
        assertThat(pausedAfterTick()).containsExactlyInAnyOrder(A, B);
    }

    @Test
    void anotherConsumersPartitionMayHaveRecords() {
        leaveNoRecordsOf(B, C);
        assignment.run.partitions.incrementAndGet();
        poll(A, 938);
        assertThat(pausedAfterTick()).isEmpty();

        poll(A, 1);
        assertThat(pausedAfterTick()).containsExactly(A);
    }

    /** By the run's clock handling takes no time, which the pool learns from records of a partition that is gone. */
    private void handleQuickly() {
        RecordOrigin gone = new RecordOrigin(C, assignment.link);
        gone.inFlight.close();
        for (int offset = 0; offset < 500; offset++) {
            assignment.run.workers.submit(new RecordTask(new ConsumerRecord<>("topic", 2, offset, "", ""), gone, 0, 0));
        }
        assertThat(assignment.run.workers.isComputing()).isTrue();
    }

    @Test
    void aPartitionThatOnlyComputesIsPausedIfItDoesNotDrainInAMoment() {
        handleQuickly();

        poll(A, 939);

        assertThat(pausedAfterTick()).containsExactly(A);
    }

    @Test
    void aPartitionThatOnlyComputesIsWaitedForAMoment() throws Exception {
        handleQuickly();

        assertThat(isWaitedForAndNotPaused()).isTrue();
    }

    @Test
    void aLonePartitionIsNotWaitedFor() throws Exception {
        leaveNoRecordsOf(B, C);
        handleQuickly();
        poll(A, 938);
        pausedAfterTick();

        assertThat(isWaitedForAndNotPaused()).isFalse();
    }

    /** Whether a partition above the bound is not paused because another thread drains it while the consumer's waits. */
    private boolean isWaitedForAndNotPaused() throws InterruptedException {
        Thread consumer = Thread.currentThread();
        // The moment is short: now and then the thread that drains the partition may miss it.
        for (int attempt = 0; attempt < 100; attempt++) {
            poll(A, 939 - assignment.work(A).inFlight.inFlight());
            AtomicBoolean waited = new AtomicBoolean();
            Thread worker = new Thread(() -> {
                while (!waited.get() && !Thread.currentThread().isInterrupted()) {
                    waited.set(consumer.getState() == Thread.State.TIMED_WAITING);
                }
                assignment.work(A).inFlight.leave(1);
            });
            worker.setDaemon(true);
            worker.start();
            boolean unpaused = pausedAfterTick().isEmpty();
            worker.interrupt();
            worker.join();
            if (waited.get() && unpaused) {
                return true;
            }
            assertThat(pausedAfterTick()).isEmpty();
        }
        return false;
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "PARTITION")
    void whereAPartitionsRecordsRunAtOnceSharesMatterOnlyOnceRoomIsShort(Ordering ordering) {
        start(ordering);

        poll(A, 900);
        poll(B, 300);
        assertThat(pausedAfterTick()).isEmpty();

        assignment.run.limit.settle(0, 1000);
        poll(A, 0);
        assertThat(pausedAfterTick()).containsExactly(A);
    }
}
