package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.consume.Assignment;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How records leave a batch and their lanes go on; on one thread. The first batch is the test's, others end at once. */
class RunningBatchTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final Queue<Runnable> threads = new ArrayDeque<>();

    private final List<Long> after = new ArrayList<>();

    private final List<RecordTask> tasks = new ArrayList<>();

    private ListenerRun run;

    private Assignment assignment;

    private RunningBatch batch;

    private void start(Ordering ordering) {
        TestRun started = new TestRun(
                TestOptions.of(ordering, 100, 1.0, null, 1), 20, threads::add, listenerRun -> this::collect, () -> 0L);
        run = started.run;
        assignment = new Assignment(started.side, null, () -> {});
        assignment.assigned(List.of(PARTITION));
    }

    private WorkerPool.Result collect(RecordTask task, long begun) {
        List<RecordTask> collected = new BatchCollector(run).collect(task, late -> false);
        RunningBatch made = new RunningBatch(run, collected, begun);
        if (batch == null) {
            batch = made;
            tasks.addAll(collected);
            return WorkerPool.Result.BLOCKS_LANE;
        }
        collected.forEach(another -> after.add(another.record.offset()));
        made.finished(RecordOutcome.HANDLED);
        return WorkerPool.Result.BLOCKS_LANE;
    }

    /** Polls records, the keys of which alternate if there are several. */
    private void poll(long from, int count, int keys) {
        List<ConsumerRecord<String, String>> records = LongStream.range(from, from + count)
                .mapToObj(at -> new ConsumerRecord<>("topic", 0, at, Long.toString(at % keys), "value"))
                .toList();
        assertThat(run.limit.tryReserve(20)).isTrue();
        assignment.room.reserved = true;
        assignment.room.reservedSize = 20;
        assignment.dispatch(new ConsumerRecords<>(Map.of(PARTITION, records), Map.of()));
        runWorkers();
    }

    private void runWorkers() {
        for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
            thread.run();
        }
        assignment.takeCompletions();
    }

    private void finished(Long... offsets) {
        Set<Long> done = Set.of(offsets);
        batch.finished(
                tasks.stream()
                        .filter(task -> done.contains(task.record.offset()))
                        .collect(Collectors.toSet()),
                RecordOutcome.RECOVERED);
        runWorkers();
    }

    private long frontier() {
        return assignment.work(PARTITION).tracker.frontier();
    }

    @ParameterizedTest
    @EnumSource(names = {"PARTITION", "KEY"})
    void noLaterRecordOfALaneStartsWhileAnEarlierOneIsToComeAgain(Ordering ordering) {
        start(ordering);
        poll(0, 3, 1);
        assertThat(tasks).hasSize(3);

        finished(1L, 2L); // what an error handler answers that wants the first one again only
        poll(3, 2, 1);
        assertThat(after).isEmpty();
        assertThat(frontier()).isZero();
        assertThat(batch.remaining()).containsExactly(tasks.get(0));

        finished(0L);
        assertThat(after).containsExactly(3L, 4L);
        assertThat(frontier()).isEqualTo(5);
        assertThat(run.limit.inFlight()).isZero();
    }

    @Test
    void aHoleInTheMiddleHoldsWhatIsBehindItAndNotWhatIsBefore() {
        start(Ordering.PARTITION);
        poll(0, 5, 1);
        finished(0L, 1L, 3L, 4L);
        poll(5, 1, 1);
        assertThat(after).isEmpty();
        assertThat(frontier()).isEqualTo(2);
        assertThat(run.limit.inFlight()).isEqualTo(4);

        finished(2L);
        assertThat(after).containsExactly(5L);
        assertThat(frontier()).isEqualTo(6);
    }

    @Test
    void otherLanesOfTheBatchGoOn() {
        start(Ordering.KEY);
        poll(0, 7, 2);
        assertThat(tasks).hasSize(7);

        finished(2L, 4L, 6L, 1L, 3L, 5L);
        poll(7, 2, 2);
        assertThat(after).containsExactly(7L); // of the key of 1, 3 and 5; that of 2, 4 and 6 waits for 0

        finished(0L);
        assertThat(after).containsExactly(7L, 8L);
    }

    @Test
    void whatIsHeldBackByARecordThatStopsTheListenerComesAgain() {
        start(Ordering.PARTITION);
        poll(0, 3, 1);
        finished(1L);
        batch.stopped();
        poll(3, 1, 1);
        assertThat(after).isEmpty();
        assertThat(frontier()).isZero();
        assertThat(run.limit.inFlight()).isEqualTo(1);
    }

    @Test
    void recordsOfAPartitionThatIsGoneLeaveThoughOthersAreHeldBackByThem() {
        start(Ordering.PARTITION);
        poll(0, 3, 1);
        finished(2L);
        assignment.remove(List.copyOf(assignment.works()));
        batch.abandoned(Set.copyOf(batch.remaining()));
        assertThat(batch.remaining()).isEmpty();
        assertThat(run.limit.inFlight()).isZero();
    }
}
