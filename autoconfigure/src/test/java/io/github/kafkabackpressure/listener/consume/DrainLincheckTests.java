package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Interleavings;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerOptions;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A drain that finds nothing running has taken in everything that ran: what a revoke then commits leaves no handled
 * record behind. The records of a partition are in work.
 */
@Tag("interleavings")
class DrainLincheckTests {

    @Test
    void noInterleavingLeavesAHandledRecordUncommitted() {
        Interleavings.modelCheckLongOperations(ProductRun.class, Complete.class, 4, 300);
    }

    @Test
    void stressLeavesNoHandledRecordUncommitted() {
        Interleavings.stress(ProductRun.class, Complete.class);
    }

    @Test
    void aWorkerThatTellsOfARecordAfterItHasLeftFlightIsCaught() {
        Interleavings.assertCaught(ToldTooLate.class, Complete.class);
    }

    /** What must be seen of the consumer whichever way workers come in between. */
    public static class Complete {

        public void handle() {}

        public boolean drainMissesAHandledRecord() {
            return false;
        }
    }

    /** A partition of a run whose records are handled in offset order by whoever comes. */
    abstract static class Run {

        private static final ListenerOptions OPTIONS = TestOptions.of(Ordering.PARTITION, 10, 0.5, null, 2);

        private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

        final TestRun started =
                new TestRun(OPTIONS, 1, task -> {}, r -> (task, begun) -> WorkerPool.Result.OVER, () -> 0L);

        final ListenerRun run = started.run;

        final Assignment assignment = new Assignment(started.side, null, () -> {});

        private final PartitionWork work =
                assignment.assigned(List.of(PARTITION)).get(0);

        private final RecordTask[] tasks = new RecordTask[9];

        private final AtomicInteger next = new AtomicInteger();

        private final AtomicInteger handled = new AtomicInteger();

        Run() {
            run.limit.tryReserve(tasks.length);
            run.limit.settle(tasks.length, tasks.length);
            work.inFlight.add(tasks.length);
            for (int i = 0; i < tasks.length; i++) {
                ConsumerRecord<String, String> record = new ConsumerRecord<>("topic", 0, i, null, "value");
                tasks[i] = new RecordTask(record, work, work.tracker.register(i), 0);
            }
        }

        abstract void finished(RecordTask task);

        void handleOne() {
            if (work.inFlight.start()) {
                int number = next.getAndIncrement();
                handled.incrementAndGet();
                finished(tasks[number]);
            }
        }

        boolean drain() {
            List<PartitionWork> running = assignment.drain(List.of(work), 0);
            return running.isEmpty() && work.tracker.frontier() < handled.get();
        }
    }

    /** As the product does it. */
    public static class ProductRun extends Run {

        @Override
        void finished(RecordTask task) {
            run.flight.finished(task, RecordOutcome.HANDLED, 0);
        }

        @Operation
        public void handle() {
            handleOne();
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean drainMissesAHandledRecord() {
            return drain();
        }
    }

    /** Broken: takes the record out of flight first. */
    public static class ToldTooLate extends Run {

        @Override
        void finished(RecordTask task) {
            task.handled = true;
            task.partition.inFlight.finish();
            assignment.link.mailbox.put(task);
        }

        @Operation
        public void handle() {
            handleOne();
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean drainMissesAHandledRecord() {
            return drain();
        }
    }
}
