package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.TestOptions;
import io.github.kafkabackpressure.listener.TestRun;
import io.github.kafkabackpressure.listener.handle.Invoker;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.work.WorkerPool;
import java.lang.ref.WeakReference;
import java.util.AbstractList;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.util.unit.DataSize;

/**
 * Slices between the consumer's thread and the workers, stepped by hand on one thread: what happens while a record runs
 * is done by its handler.
 */
class SlicesTests {

    private static final TopicPartition PARTITION = new TopicPartition("topic", 0);

    private static final TopicPartition OTHER = new TopicPartition("other", 0);

    private static final int KEYS = 5;

    private static final long LONG_NANOS = TimeUnit.MILLISECONDS.toNanos(6);

    private final Queue<Runnable> threads = new ArrayDeque<>();

    private final AtomicInteger wakeups = new AtomicInteger();

    private final List<Long> begun = new ArrayList<>();

    private final List<Long> ended = new ArrayList<>();

    private int inSlices;

    private long now;

    private LongConsumer handler = offset -> {};

    private Runnable whileConcluding = () -> {};

    private final Told told = new Told();

    private int timed;

    private long timedNanos;

    private long longestTimed;

    private int timedFailures;

    private ListenerRun run;

    private Assignment assignment;

    private PartitionWork work;

    /** Wants to be told of each record. */
    private static final class Told implements ListenerMetrics {

        private int started;

        private int finished;

        private long nanos;

        private int mostTogether;

        @Override
        public void started(long waitedNanos) {
            started(waitedNanos, 1);
        }

        @Override
        public void started(long waitedNanos, int records) {
            started += records;
        }

        @Override
        public void finished(RecordOutcome outcome, long handledNanos) {
            finished(outcome, handledNanos, 1);
        }

        @Override
        public void finished(RecordOutcome outcome, long handledNanos, int records) {
            finished += records;
            nanos += handledNanos * records;
            mostTogether = Math.max(mostTogether, records);
        }

        void forget() {
            started = 0;
            finished = 0;
            nanos = 0;
            mostTogether = 0;
        }
    }

    /** Handles records by {@link #handler}; what fails is recovered. */
    private final class Handling implements Invoker, Invoker.OfSlices {

        @Override
        public WorkerPool.Result invoke(RecordTask task, long begunAt) {
            handle(task.record);
            run.flight.finished(task, RecordOutcome.HANDLED, begunAt);
            return WorkerPool.Result.OVER;
        }

        @Override
        public OfSlices ofSlices() {
            return this;
        }

        @Override
        public Signal.Failed attempt(RecordOrigin partition, ConsumerRecord<?, ?> record) {
            inSlices++;
            try {
                handle(record);
                return null;
            } catch (RuntimeException e) {
                return new Signal.Failed(e, null);
            }
        }

        @Override
        public TurnTimer turnTimer() {
            return (partition, records, nanosEach, failure) -> {
                timed += records;
                timedNanos += nanosEach * records;
                longestTimed = Math.max(longestTimed, nanosEach);
                timedFailures += failure == null ? 0 : 1;
            };
        }

        @Override
        public WorkerPool.Result conclude(RecordTask task, long begunAt, Signal failure) {
            whileConcluding.run();
            ended.add(task.record.offset());
            run.flight.finished(task, RecordOutcome.RECOVERED, begunAt);
            return WorkerPool.Result.OVER;
        }
    }

    private void handle(ConsumerRecord<?, ?> record) {
        if (record.topic().equals(OTHER.topic())) {
            return;
        }
        begun.add(record.offset());
        handler.accept(record.offset());
        ended.add(record.offset());
    }

    private void start(Ordering ordering) {
        start(ordering, ListenerMetrics.NOOP);
    }

    private void start(Ordering ordering, ListenerMetrics metrics) {
        TestRun started = new TestRun(
                TestOptions.of(ordering, 1000, 0.5, DataSize.ofMegabytes(1), 4),
                250,
                threads::add,
                listenerRun -> new Handling(),
                metrics,
                () -> now);
        run = started.run;
        assignment = new Assignment(started.side, null, wakeups::incrementAndGet);
        assignment.assigned(List.of(PARTITION, OTHER));
        work = assignment.work(PARTITION);
        // By this clock handling takes no time, which the pool learns from the first records.
        poll(OTHER, 0, 200);
        runWorkers();
        tick();
        inSlices = 0;
        timed = 0;
        told.forget();
        assertThat(run.workers.isComputing()).isTrue();
    }

    @BeforeEach
    void startInPartitionOrder() {
        start(Ordering.PARTITION);
    }

    private void poll(TopicPartition partition, long offset, int count) {
        poll(partition, records(partition, offset, count));
    }

    private void poll(TopicPartition partition, List<ConsumerRecord<String, String>> records) {
        assertThat(run.limit.tryReserve(250)).isTrue();
        assignment.room.reserved = true;
        assignment.room.reservedSize = 250;
        assignment.dispatch(new ConsumerRecords<>(Map.of(partition, records), Map.of()));
    }

    private static List<ConsumerRecord<String, String>> records(TopicPartition partition, long offset, int count) {
        return LongStream.range(offset, offset + count)
                .mapToObj(at -> record(partition, at, Long.toString(at % KEYS)))
                .toList();
    }

    private static ConsumerRecord<String, String> record(TopicPartition partition, long offset, String key) {
        return new ConsumerRecord<>(
                partition.topic(),
                partition.partition(),
                offset,
                0,
                TimestampType.CREATE_TIME,
                key.length(),
                5,
                key,
                "value",
                new RecordHeaders(),
                Optional.empty());
    }

    private void poll(long offset, int count) {
        poll(PARTITION, offset, count);
    }

    private void runWorkers() {
        for (Runnable thread = threads.poll(); thread != null; thread = threads.poll()) {
            thread.run();
        }
    }

    private void tick() {
        assignment.takeCompletions();
        run.workers.nudge();
    }

    /** What the consumer and other workers do while a record takes its time. */
    private void timePasses() {
        tick();
        now += LONG_NANOS;
        tick();
        runWorkers();
        tick();
    }

    private void runAll() {
        runWorkers();
        tick();
        runWorkers();
        tick();
    }

    private void assertAllFinished(int count) {
        assertThat(begun).hasSize(count).doesNotHaveDuplicates();
        assertThat(work.tracker.frontier()).isEqualTo(count);
        assertNothingInFlight();
    }

    private void assertNothingInFlight() {
        assertThat(run.limit.inFlight()).isZero();
        assertThat(work.inFlight.inFlight()).isZero();
        assertThat(work.inFlight.running()).isZero();
        assertThat(run.room.bytes.inFlight()).isEqualTo(0);
        assertThat(assignment.dispatcher.hasSlices()).isFalse();
    }

    private static List<Long> range(long from, long to) {
        return LongStream.range(from, to).boxed().toList();
    }

    @ParameterizedTest
    @EnumSource
    void quickRecordsOfAPollAreHandledInOneSlice(Ordering ordering) {
        start(ordering);
        poll(0, 100);
        assertThat(run.limit.inFlight()).isEqualTo(100);
        assertThat(run.room.bytes.inFlight()).isPositive();

        runWorkers();

        assertThat(begun).isEqualTo(range(0, 100));
        assertThat(inSlices).isEqualTo(100);
        assertThat(run.limit.inFlight()).isZero();
        tick();
        assertAllFinished(100);
    }

    @ParameterizedTest
    @EnumSource
    void whileARecordTakesItsTimeThoseBehindItAreHandledAsTheOrderAllows(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3) {
                timePasses();
                List<Long> meanwhile = begun.subList(4, begun.size());
                switch (ordering) {
                    case PARTITION -> assertThat(meanwhile).isEmpty();
                    case KEY ->
                        assertThat(meanwhile)
                                .containsExactlyInAnyOrderElementsOf(range(4, 20).stream()
                                        .filter(other -> other % KEYS != 3)
                                        .toList());
                    case UNORDERED -> assertThat(meanwhile).containsExactlyInAnyOrderElementsOf(range(4, 20));
                }
                assertThat(work.tracker.frontier()).isEqualTo(3);
                assertThat(run.limit.inFlight()).isEqualTo(20 - 3 - meanwhile.size());
            }
        };
        poll(0, 10);
        poll(10, 10); // a second slice, behind the first one

        runAll();

        assertAllFinished(20);
        assertOrderOfEachKey(ordering);
    }

    private void assertOrderOfEachKey(Ordering ordering) {
        Map<Long, Long> last = new HashMap<>();
        if (ordering != Ordering.UNORDERED) {
            for (long offset : begun) {
                Long before = last.put(ordering == Ordering.KEY ? offset % KEYS : 0, offset);
                assertThat(before == null || before < offset)
                        .as("%s comes after %s in %s", offset, before, begun)
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void whoWantsToBeToldOfEachRecordIsToldOfManyAtATime(Ordering ordering) {
        start(ordering, told);
        handler = offset -> now += 100;
        poll(0, 96);

        runAll();

        assertThat(inSlices).isEqualTo(96);
        assertThat(told.started).isEqualTo(96);
        assertThat(told.finished).isEqualTo(96);
        assertThat(told.nanos).isEqualTo(96 * 100);
        assertThat(told.mostTogether).isGreaterThan(8);
        assertThat(timed).isEqualTo(96);
        assertThat(timedNanos).isEqualTo(96 * 100);
        assertThat(longestTimed).isEqualTo(100);
        assertAllFinished(96);
    }

    @ParameterizedTest
    @EnumSource
    void eachRecordIsToldOnceThoughSomeFailAndSomeTakeTheirTime(Ordering ordering) {
        start(ordering, told);
        handler = offset -> {
            if (offset == 13) {
                throw new IllegalStateException("fails");
            } else if (offset == 33) {
                timePasses();
            }
        };
        poll(0, 20);
        runAll();
        assertThat(timedFailures).isEqualTo(1);
        assertThat(timed).isEqualTo(inSlices).isEqualTo(14);
        poll(20, 20);
        runAll();

        assertThat(timed).isEqualTo(inSlices).isEqualTo(28);
        assertThat(timedNanos).isEqualTo(LONG_NANOS);
        assertThat(longestTimed).isEqualTo(LONG_NANOS); // and was no other record's
        assertThat(told.started).isEqualTo(40);
        assertThat(told.finished).isEqualTo(40);
        assertThat(told.nanos).isGreaterThanOrEqualTo(LONG_NANOS);
        assertAllFinished(40);
    }

    @Test
    void aSliceOfARecordThatTakesNotSoLongGoesOn() {
        start(Ordering.UNORDERED);
        handler = offset -> {
            if (offset == 3) {
                tick();
                now += LONG_NANOS / 2;
                tick();
            }
        };
        poll(0, 10);

        runAll();

        assertThat(inSlices).isEqualTo(10);
        assertAllFinished(10);
    }

    @ParameterizedTest
    @EnumSource
    void aRecordThatFailsLeavesItsSliceAndHoldsUpOnlyItsLane(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3) {
                throw new IllegalStateException("fails");
            }
        };
        whileConcluding = () -> {
            tick(); // it has been signalled, so no time needs to pass
            now += LONG_NANOS;
            run.workers.nudge();
            runWorkers();
            assertThat(begun.size())
                    .isEqualTo(
                            switch (ordering) {
                                case PARTITION -> 4;
                                case KEY -> 9;
                                case UNORDERED -> 10;
                            });
        };
        assignment.link.gate.beginTick();
        assignment.link.gate.enterPoll();
        poll(0, 10);

        runAll();

        assertThat(wakeups).hasValue(1);
        assertThat(ended).hasSize(10);
        assertAllFinished(10);
        assertOrderOfEachKey(ordering);
    }

    /** As by an error handler that recovers at once: the record is finished before the consumer hears of its failure. */
    @ParameterizedTest
    @EnumSource
    void aRecordThatFailsAndIsRecoveredBeforeTheConsumerLooksLeavesNothingBehind(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3) {
                throw new IllegalStateException("fails");
            }
        };
        poll(0, 10);
        poll(10, 10);

        runAll();
        assertAllFinished(20);
        assertOrderOfEachKey(ordering);

        inSlices = 0;
        poll(20, 10);
        runAll();

        assertThat(inSlices).as("records that come in slices again").isEqualTo(10);
        assertAllFinished(30);
    }

    @ParameterizedTest
    @EnumSource
    void anErrorEndsTheConsumerAndLeavesItsRecordUnfinished(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3) {
                throw new StackOverflowError("fails");
            }
        };
        poll(0, 10);
        runWorkers();

        assertThatThrownBy(assignment.link::throwFailure).isInstanceOf(StackOverflowError.class);
        assignment.drain(List.of(work), now);
        assertThat(work.tracker.frontier()).isEqualTo(3);
        assignment.close();
        assertThat(begun).isEqualTo(range(0, 4));
        assertNothingInFlight();
    }

    /** What follows an error needs memory, too: whatever becomes of that, the consumer must end. */
    @Test
    void anErrorIsToldBeforeAnythingElseIsTried() {
        AtomicBoolean exhausted = new AtomicBoolean();
        handler = offset -> {
            if (offset == 3) {
                exhausted.set(true);
                throw new OutOfMemoryError("by the handler");
            }
        };
        List<ConsumerRecord<String, String>> records = records(PARTITION, 0, 10);
        poll(PARTITION, new AbstractList<>() {
            @Override
            public ConsumerRecord<String, String> get(int index) {
                if (exhausted.get()) { // in place of any allocation that breaking up a slice needs
                    throw new OutOfMemoryError("by what follows");
                }
                return records.get(index);
            }

            @Override
            public int size() {
                return records.size();
            }
        });

        assertThatThrownBy(this::runWorkers).hasMessage("by what follows");
        assertThatThrownBy(assignment.link::throwFailure).hasMessage("by the handler");
    }

    /** A slice that is broken up before it begins may hold its place behind a record that hangs for long. */
    @Test
    void aSliceThatWillNotRunKeepsNoRecords() {
        List<ConsumerRecord<String, String>> records = new ArrayList<>(records(PARTITION, 10, 10));
        WeakReference<Object> polled = new WeakReference<>(records);
        poll(0, 10);
        poll(PARTITION, records);
        records = null;
        AtomicBoolean forgotten = new AtomicBoolean();
        handler = offset -> {
            if (offset == 3) {
                timePasses();
                for (int look = 0; look < 50 && !polled.refersTo(null); look++) {
                    System.gc();
                }
                forgotten.set(polled.refersTo(null));
            }
        };

        runAll();

        assertThat(forgotten).isTrue();
        assertAllFinished(20);
    }

    @ParameterizedTest
    @EnumSource
    void aRevokeLetsOnlyTheRecordEndThatRuns(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3) {
                assertThat(assignment.drain(List.of(work), now)).containsExactly(work);
                assertThat(work.tracker.frontier()).isEqualTo(3);
                assertThat(run.limit.inFlight()).isEqualTo(1);
            }
        };
        poll(0, 10);
        poll(10, 10);
        runWorkers();

        assertThat(assignment.drain(List.of(work), now)).isEmpty();
        assertThat(work.tracker.frontier()).isEqualTo(4);
        assignment.remove(List.of(work));
        runAll();
        assertThat(begun).isEqualTo(range(0, 4));
        assertNothingInFlight();
    }

    @Test
    void aSliceOfARevokedPartitionDoesNotBegin() {
        poll(0, 10);
        assertThat(assignment.drain(List.of(work), now)).isEmpty();
        assignment.remove(List.of(work));

        runAll();

        assertThat(begun).isEmpty();
        assertNothingInFlight();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "UNORDERED")
    void afterASeekARecordWaitsForTheOneOfItsLaneThatStillRuns(Ordering ordering) {
        start(ordering);
        handler = offset -> {
            if (offset == 3 && begun.size() == 4) {
                assignment.sought(work, 3);
                poll(3, 7);
                timePasses();
                assertThat(begun.subList(4, begun.size()))
                        .containsExactlyInAnyOrderElementsOf(
                                ordering == Ordering.PARTITION ? List.of() : List.of(4L, 5L, 6L, 7L, 9L));
            }
        };
        poll(0, 10);

        runAll();

        assertThat(begun).hasSize(4 + 7);
        assertThat(work.tracker.frontier()).isEqualTo(10);
        assertNothingInFlight();
    }

    @Test
    void behindARecordThatHangsNoSliceIsMade() {
        start(Ordering.KEY);
        handler = offset -> {
            if (offset == 3) {
                timePasses();
                inSlices = 0;
                poll(10, 10);
                timePasses();
                assertThat(inSlices).isZero();
                assertThat(begun).contains(10L).doesNotContain(13L);
            }
        };
        poll(0, 10);
        runAll();

        assertAllFinished(20);
        assertOrderOfEachKey(Ordering.KEY);
    }

    /** As when the pool learns that handling is quick in the middle of a backlog. */
    private void putRecordsOnLanes(long offset, int count) {
        List<RecordTask> tasks = new ArrayList<>();
        work.inFlight.add(count);
        for (long at = offset; at < offset + count; at++) {
            RecordTask task =
                    new RecordTask(record(PARTITION, at, Long.toString(at % KEYS)), work, work.tracker.register(at), 0);
            if (!work.lanes.enqueue(task)) {
                tasks.add(task);
            }
        }
        run.limit.settle(0, count);
        run.workers.submit(tasks.toArray(RecordTask[]::new));
    }

    @Test
    void aSliceBehindLanesByKeyBeginsWhenTheyAreEmpty() {
        start(Ordering.KEY);
        putRecordsOnLanes(0, 10);
        poll(10, 10);
        poll(20, 10);
        runWorkers();
        assertThat(begun).hasSize(10);

        runAll();

        assertThat(inSlices).isEqualTo(20);
        assertThat(begun.subList(10, 30)).isEqualTo(range(10, 30));
        assertThat(run.limit.inFlight()).isZero();
        assertThat(work.tracker.frontier()).isEqualTo(30);
    }

    @Test
    void aSliceBehindALaneByKeyThatHangsIsBrokenUp() {
        start(Ordering.KEY);
        handler = offset -> {
            if (offset == 3) {
                poll(10, 10);
                timePasses();
                assertThat(begun).contains(10L, 19L).doesNotContain(8L, 13L);
                inSlices = 0;
                poll(20, 10);
                tick();
                now += 1_000_000; // far from the time after which a slice is broken up
                tick();
                runWorkers();
                assertThat(begun).contains(20L, 29L).doesNotContain(23L);
                assertThat(inSlices).isZero();
            }
        };
        putRecordsOnLanes(0, 10);
        runAll();
        runAll();

        assertThat(begun).hasSize(30).doesNotHaveDuplicates();
        assertOrderOfEachKey(Ordering.KEY);
        assertThat(run.limit.inFlight()).isZero();
        assertThat(work.tracker.frontier()).isEqualTo(30);
    }

    /** A drain of some partitions can take long; the others go on meanwhile. */
    @Test
    void whileOnePartitionIsDrainedASliceOfAnotherIsBrokenUp() {
        start(Ordering.UNORDERED);
        PartitionWork leaving = assignment.work(OTHER);
        leaving.inFlight.add(1);
        leaving.inFlight.start(); // a record that does not end
        handler = offset -> {
            if (offset == 3) {
                tick();
                now += LONG_NANOS;
                assignment.drain(List.of(leaving), now); // late at its first look
                runWorkers();
                assertThat(begun).hasSize(10);
            }
        };
        poll(0, 10);
        runAll();

        assertThat(begun).hasSize(10);
        assertThat(work.tracker.frontier()).isEqualTo(10);
    }

    @Test
    void whatASliceFinishesWakesWhoWaitsForRoom() {
        for (int offset = 0; offset < 1000; offset += 250) {
            poll(offset, 250);
        }
        assertThat(run.limit.hasRoomFor(250)).isFalse();
        assignment.link.waitsForRoom = true;
        run.limit.startWaiting(assignment);
        assignment.link.gate.beginTick();
        assignment.link.gate.enterPoll();
        handler = offset -> {
            if (offset == 499) {
                assertThat(wakeups).hasValue(0);
            }
        };

        runWorkers();

        assertThat(wakeups).hasValue(1);
    }

    @Test
    void holesInTheOffsetsAreNoMatter() {
        poll(
                PARTITION,
                LongStream.of(5, 6, 90, 700)
                        .mapToObj(at -> record(PARTITION, at, "key"))
                        .toList());
        handler = offset -> {
            if (offset == 90) {
                tick();
                assertThat(work.tracker.frontier()).isEqualTo(90);
            }
        };

        runAll();

        assertThat(work.tracker.frontier()).isEqualTo(701);
        assertThat(begun).isEqualTo(List.of(5L, 6L, 90L, 700L));
        assertNothingInFlight();
    }
}
