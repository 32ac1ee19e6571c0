package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.consume.Assignment;
import io.github.kafkabackpressure.listener.consume.PartitionWork;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A consumer and its workers on real threads, with handlers that are quick, but for some that hang for a moment and some
 * that fail, and with partitions that are revoked and come back. Each record must be handled once (again only after a
 * revoke that dropped it), in the promised order, never two of a lane at a time, and nothing may be left in flight.
 */
class SlicesUnderLoadTests {

    private static final int PARTITIONS = 3;

    private static final int KEYS = 20;

    private static final int RECORDS = 60_000;

    private static final int POLL = 50;

    private static final int LIMIT = 200;

    private static final long RATE = 90_000;

    private static final long BURST = 100;

    private final ExecutorService threads = Executors.newCachedThreadPool();

    private final Queue<String> wrong = new ConcurrentLinkedQueue<>();

    private final AtomicInteger inSlices = new AtomicInteger();

    private final AtomicInteger byThemselves = new AtomicInteger();

    private final Map<Object, AtomicInteger> running = new ConcurrentHashMap<>();

    private final Map<Object, Long> last = new ConcurrentHashMap<>();

    private final AtomicIntegerArray handled = new AtomicIntegerArray(PARTITIONS * RECORDS);

    private Ordering ordering;

    private ListenerRun run;

    @AfterEach
    void stop() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    private final class Handling implements Invoker, Invoker.OfSlices {

        @Override
        public WorkerPool.Result invoke(RecordTask task, long begun) {
            byThemselves.incrementAndGet();
            handle(task.record);
            run.flight.finished(task, RecordOutcome.HANDLED, begun);
            return WorkerPool.Result.OVER;
        }

        @Override
        public OfSlices ofSlices() {
            return this;
        }

        @Override
        public Signal.Failed attempt(RecordOrigin partition, ConsumerRecord<?, ?> record) {
            inSlices.incrementAndGet();
            if (ThreadLocalRandom.current().nextInt(400) == 0) {
                return new Signal.Failed(new IllegalStateException("fails"), null);
            }
            handle(record);
            return null;
        }

        @Override
        public WorkerPool.Result conclude(RecordTask task, long begun, Signal failure) {
            if (ThreadLocalRandom.current().nextBoolean()) {
                LockSupport.parkNanos(300_000);
            }
            handle(task.record);
            run.flight.finished(task, RecordOutcome.RECOVERED, begun);
            return WorkerPool.Result.OVER;
        }
    }

    private Object lane(ConsumerRecord<?, ?> record) {
        return switch (ordering) {
            case PARTITION -> record.partition();
            case KEY -> List.of(record.partition(), record.key());
            case UNORDERED -> List.of(record.partition(), record.offset());
        };
    }

    private void handle(ConsumerRecord<?, ?> record) {
        Object lane = lane(record);
        AtomicInteger atOnce = running.computeIfAbsent(lane, key -> new AtomicInteger());
        if (atOnce.incrementAndGet() != 1) {
            wrong.add(record.offset() + " runs beside another one of " + lane);
        }
        Long before = last.put(lane, record.offset());
        if (before != null && before >= record.offset()) {
            wrong.add(record.offset() + " comes after " + before + " of " + lane);
        }
        if (ThreadLocalRandom.current().nextInt(3000) == 0) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(8));
        }
        handled.incrementAndGet(record.partition() * RECORDS + (int) record.offset());
        atOnce.decrementAndGet();
    }

    @ParameterizedTest
    @EnumSource
    void everyRecordOnceAndInOrderWhateverHangsFailsAndLeaves(Ordering order) {
        everyRecordOnceAndInOrder(order, Map.of());
    }

    @ParameterizedTest
    @EnumSource
    void everyRecordOnceAndInOrderWhereSlicesWaitForTheirTokens(Ordering order) {
        long begun = System.nanoTime();
        everyRecordOnceAndInOrder(order, Map.of("rate-limit.rate", RATE, "rate-limit.burst", BURST));
        double seconds = (System.nanoTime() - begun) / 1e9;
        // A record takes one token, however often it is attempted; those that a revoke has dropped take theirs again.
        assertThat((double) PARTITIONS * RECORDS).isLessThanOrEqualTo(BURST + RATE * seconds);
    }

    private void everyRecordOnceAndInOrder(Ordering order, Map<String, Object> limits) {
        ordering = order;
        ListenerOptions options = TestOptions.of(order, LIMIT, 0.5, null, 4, limits);
        ContainerRun started = new ContainerRun(
                options,
                POLL,
                threads,
                listenerRun -> new Handling(),
                new ListenerStats(ListenerMetrics.NOOP),
                System::nanoTime,
                LoadSigns.none(),
                made -> overload(made.run, options.overload()));
        run = started.run;
        Assignment assignment = new Assignment(started.side, null, () -> {});
        long[] position = new long[PARTITIONS];
        int revokes = 0;
        Random random = new Random(order.ordinal());
        assign(assignment, 0, 1, 2);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!isAtEnd(assignment, position) && System.nanoTime() < deadline && wrong.isEmpty()) {
            assignment.link.throwFailure();
            assignment.takeCompletions();
            run.workers.nudge();
            assignment.settled();
            if (!isSorting(started) && run.limit.tryReserve(POLL)) {
                assignment.room.reserved = true;
                assignment.room.reservedSize = POLL;
                int partition = random.nextInt(PARTITIONS);
                poll(assignment, partition, random.nextInt(POLL) + 1, position);
                if (position[partition] < RECORDS && random.nextInt(500) == 0) {
                    position[partition] = revoke(assignment, partition, position[partition]);
                    revokes++;
                }
            }
            if (run.limit.inFlight() > LIMIT) {
                wrong.add(run.limit.inFlight() + " in flight");
            }
        }

        assertThat(wrong).isEmpty();
        for (int partition = 0; partition < PARTITIONS; partition++) {
            assertThat(assignment.work(partition(partition)).tracker.frontier()).isEqualTo(RECORDS);
        }
        int[] times = new int[4];
        for (int at = 0; at < handled.length(); at++) {
            times[Math.min(3, handled.get(at))]++;
        }
        assertThat(times[0]).as("records never handled").isZero();
        if (order == Ordering.PARTITION || revokes == 0) {
            assertThat(times[2] + times[3]).as("records handled again").isZero();
        }
        assertThat(run.limit.inFlight()).isZero();
        // Where other builds have the cores, handling takes too long for slices.
        assumeThat(inSlices.get()).isPositive();
        assumeThat(byThemselves.get()).isPositive();
    }

    private Overload overload(ListenerRun ofRun, OverloadOptions options) {
        return options.isOn()
                ? new Overload(
                        ofRun,
                        ContainerOverload.settings(options),
                        new RecordRates(options, "test", null, System::nanoTime),
                        new DropCounts(options, ListenerMetrics.NOOP)::count,
                        null,
                        threads)
                : null;
    }

    private static boolean isSorting(ContainerRun started) {
        Overload overload = started.side.overload;
        return overload != null && overload.hasUnsorted();
    }

    private static TopicPartition partition(int number) {
        return new TopicPartition("topic", number);
    }

    private static void assign(Assignment assignment, int... partitions) {
        for (int partition : partitions) {
            assignment.assigned(List.of(partition(partition)));
        }
    }

    /** Waits for what runs, as for a revoke, and assigns the partition again: it goes on from what was committed. */
    private long revoke(Assignment assignment, int partition, long position) {
        PartitionWork work = assignment.work(partition(partition));
        List<PartitionWork> left = assignment.drain(List.of(work), System.nanoTime() + TimeUnit.SECONDS.toNanos(10));
        if (!left.isEmpty()) {
            wrong.add("a drain did not end");
        }
        long frontier = work.tracker.frontier() < 0 ? position : work.tracker.frontier();
        assignment.remove(List.of(work));
        last.keySet()
                .removeIf(lane -> ordering == Ordering.PARTITION
                        ? lane.equals(partition)
                        : ((List<?>) lane).get(0).equals(partition));
        assign(assignment, partition);
        return frontier;
    }

    private void poll(Assignment assignment, int partition, int most, long[] position) {
        List<ConsumerRecord<Object, Object>> records = new ArrayList<>();
        long end = Math.min(RECORDS, position[partition] + most);
        for (long offset = position[partition]; offset < end; offset++) {
            records.add(new ConsumerRecord<>("topic", partition, offset, "key " + offset % KEYS, "value"));
        }
        position[partition] = end;
        assignment.dispatch(
                new ConsumerRecords<>(records.isEmpty() ? Map.of() : Map.of(partition(partition), records), Map.of()));
    }

    private static boolean isAtEnd(Assignment assignment, long[] position) {
        for (int partition = 0; partition < PARTITIONS; partition++) {
            PartitionWork work = assignment.work(partition(partition));
            if (position[partition] < RECORDS || work.tracker.frontier() < RECORDS || work.inFlight.inFlight() > 0) {
                return false;
            }
        }
        return true;
    }
}
