package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.consume.Assignment;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class GuardedMetricsTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private final Queue<Runnable> threads = new ArrayDeque<>();

    private int calls;

    /** Throws from each of its methods. */
    private final class Throwing implements ListenerMetrics {

        private void fail() {
            calls++;
            if (calls % 2 == 0) {
                throw new IllegalStateException("metrics");
            }
            throw new AssertionError("metrics");
        }

        @Override
        public void started(long waitedNanos) {
            fail();
        }

        @Override
        public void finished(RecordOutcome outcome, long handledNanos) {
            fail();
        }

        @Override
        public void paused(PauseReason reason) {
            fail();
        }

        @Override
        public void resumed(PauseReason reason) {
            fail();
        }

        @Override
        public void committed(boolean success) {
            fail();
        }
    }

    @Test
    void whatMetricsThrowReachesNobody() {
        ListenerMetrics guarded = GuardedMetrics.of(new Throwing());
        guarded.started(1);
        guarded.finished(RecordOutcome.HANDLED, 1);
        guarded.paused(PauseReason.USER);
        guarded.resumed(PauseReason.USER);
        guarded.committed(true);
        assertThat(calls).isEqualTo(5);
    }

    @Test
    void thoseThatMeasureNothingAreToldNothing() {
        assertThat(GuardedMetrics.of(ListenerMetrics.NOOP)).isSameAs(ListenerMetrics.NOOP);
    }

    @Test
    void aListenerWithOneSlotHandlesAllRecordsThoughItsMetricsThrow() {
        ContainerRun started = new ContainerRun(
                TestOptions.of(Ordering.PARTITION, 10, 1.0, null, 1),
                4,
                threads::add,
                listenerRun -> (task, begun) -> {
                    listenerRun.flight.finished(task, RecordOutcome.HANDLED, begun);
                    return WorkerPool.Result.OVER;
                },
                new Throwing(),
                () -> 0L);

        ListenerRun run = started.run;
        Assignment assignment = new Assignment(started.side, null, () -> {});
        assignment.assigned(List.of(PARTITION));
        for (long from = 0; from < 8; from += 4) {
            assertThat(run.limit.tryReserve(4)).isTrue();
            assignment.room.reserved = true;
            assignment.room.reservedSize = 4;
            List<ConsumerRecord<String, String>> records = LongStream.range(from, from + 4)
                    .mapToObj(at -> new ConsumerRecord<>("topic", 0, at, "key", "value"))
                    .toList();
            assignment.dispatch(new ConsumerRecords<>(Map.of(PARTITION, records), Map.of()));
            for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
                thread.run();
            }
            assignment.takeCompletions();
        }
        assertThat(assignment.work(PARTITION).tracker.frontier()).isEqualTo(8);
        assertThat(run.limit.inFlight()).isZero();
        assertThat(calls).isEqualTo(16);
    }
}
