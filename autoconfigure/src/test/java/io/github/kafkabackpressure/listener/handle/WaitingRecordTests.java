package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.consume.Assignment;
import io.github.kafkabackpressure.listener.consume.PartitionWork;
import io.github.kafkabackpressure.listener.consume.PauseControl;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class WaitingRecordTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final Queue<Runnable> threads = new ConcurrentLinkedQueue<>();

    private final TestRun started = new TestRun(
            TestOptions.of(Ordering.PARTITION, 10, 0.5, null, 1),
            4,
            threads::add,
            listenerRun -> (task, begun) -> WorkerPool.Result.OVER,
            System::nanoTime);

    private final ListenerRun run = started.run;

    private final Assignment assignment = new Assignment(started.side, null, () -> {});

    private final PartitionWork work = assignment.assigned(List.of(PARTITION)).get(0);

    private final AtomicInteger attempts = new AtomicInteger();

    private int offset;

    private RecordTask started() {
        RecordTask task = new RecordTask(
                new ConsumerRecord<>("topic", 0, offset, "key", "value"), work, work.tracker.register(offset), 0);
        offset++;
        run.limit.settle(0, 1);
        work.inFlight.add(1);
        assertThat(work.inFlight.start()).isTrue();
        return task;
    }

    private void waits(RecordTask task, Duration time) {
        new WaitingRecord(run, task, 0, task::isOver, () -> {
                    attempts.incrementAndGet();
                    run.flight.finished(task, RecordOutcome.HANDLED, 0);
                    return WorkerPool.Result.OVER;
                })
                .start(time);
    }

    private void work() {
        for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
            thread.run();
        }
    }

    @Test
    void aWaitHoldsNoThreadAndIsGoneOnWithByAnyWorker() {
        RecordTask task = started();
        RecordTask next = started();
        assertThat(task.append(next)).isTrue();
        waits(task, Duration.ofMillis(20));
        assertThat(threads).isEmpty();
        assertThat(work.inFlight.running()).isEqualTo(2);

        await().until(() -> !threads.isEmpty());
        work();
        assertThat(attempts).hasValue(1);
        assertThat(task.append(next)).as("its lane has gone on").isFalse();
        assertThat(work.hasWaiting()).isFalse();
    }

    @Test
    void aLongWaitEndsAtOnceWhenItsPartitionLeaves() {
        waits(started(), Duration.ofHours(1));

        List<PartitionWork> running = assignment.drain(List.of(work), System.nanoTime() + TimeUnit.MINUTES.toNanos(10));

        assertThat(running).isEmpty();
        assertThat(work.inFlight.running()).isZero();
        assertThat(run.limit.inFlight()).isZero();
        work();
        assertThat(attempts).hasValue(0);
    }

    /** All that is missing is a slot, which a record of another partition holds. */
    @Test
    void aRecordThatOnlyWaitsForASlotIsGivenUpWithoutOne() {
        waits(started(), Duration.ZERO);
        await().until(() -> !threads.isEmpty()); // nobody runs them: the only slot is theirs

        assertThat(assignment.drain(List.of(work), System.nanoTime() + TimeUnit.MINUTES.toNanos(10)))
                .isEmpty();
        assertThat(run.limit.inFlight()).isZero();
        work();
        assertThat(attempts).hasValue(0);
    }

    @Test
    void aWaitOfCenturiesIsOneLikeOthers() {
        waits(started(), Duration.ofSeconds(Long.MAX_VALUE));
        assertThat(threads).isEmpty();

        assertThat(assignment.drain(List.of(work), System.nanoTime() + TimeUnit.MINUTES.toNanos(10)))
                .isEmpty();
        assertThat(run.limit.inFlight()).isZero();
    }

    /** An attempt that has failed may still be recovered while its partition is drained, but not by a former owner. */
    @Test
    void aLateFailureIsDecidedAboutUntilItsPartitionHasLeft() {
        RecordTask task = started();
        WaitingRecord failed = new WaitingRecord(run, task, 0, task::isGivenUp, () -> {
            attempts.incrementAndGet();
            run.flight.finished(task, RecordOutcome.RECOVERED, 0);
            return WorkerPool.Result.OVER;
        });
        failed.start(Duration.ZERO);
        assertThat(assignment.drain(List.of(work), System.nanoTime())).containsExactly(work);
        assertThat(work.inFlight.running()).isEqualTo(1);

        assignment.remove(List.of(work));
        assertThat(run.limit.inFlight()).isZero();
        work();
        assertThat(attempts).hasValue(0);
    }

    @Test
    void whatWaitsDoesNotKeepAFullListenerPaused() {
        for (int i = 0; i < 6; i++) {
            waits(started(), Duration.ofHours(1));
        }
        assertThat(run.limit.inFlight()).isEqualTo(6);
        assertThat(run.limit.hasRoomFor(4)).isTrue();
        assertThat(run.limit.hasRoomFor(5)).isFalse();
        assignment.remove(List.of(work));
        assertThat(run.limit.inFlight()).isZero();
        assertThat(run.limit.isDrainedToLowWatermark()).isTrue();
    }

    @Test
    void aPartitionWhoseRecordsWaitLeavesRoomForAnother() {
        TopicPartition other = new TopicPartition("topic", 1);
        assignment.assigned(List.of(other));
        MockConsumer<String, String> kafka = new MockConsumer<>("earliest");
        kafka.assign(List.of(PARTITION, other));
        PauseControl pauses = new PauseControl(assignment, kafka);
        RecordTask task = started();
        started();
        waits(task, Duration.ofHours(1));
        assignment.touch(work);
        pauses.tick(0);
        assertThat(kafka.paused()).containsExactly(PARTITION);
        assertThat(pauses.hasPausedForShare()).as("whoever ends it says so").isFalse();
    }
}
