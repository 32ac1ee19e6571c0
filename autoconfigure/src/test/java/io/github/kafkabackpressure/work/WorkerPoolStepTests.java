package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.work.WorkerPool.Result;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A pool whose workers run one after the other when the test says so, by a clock that the handler moves. */
class WorkerPoolStepTests {

    private final Deque<Runnable> starts = new ArrayDeque<>();

    private final List<Long> handled = new ArrayList<>();

    private long now;

    private long takes;

    private Function<TestTask, Result> handling = task -> Result.OVER;

    private int recordsInTurn = 1;

    private final WorkerPool<TestTask> pool = new WorkerPool<>(2, starts::add, new Handling(), () -> now);

    private final class Handling implements TestTask.Handler {

        @Override
        public Result handle(TestTask task, long begun) {
            assertThat(begun).isEqualTo(now);
            handled.add(task.number);
            now += takes;
            return handling.apply(task);
        }

        @Override
        public int recordsInTurn(TestTask task) {
            return recordsInTurn;
        }
    }

    private void runAll() {
        for (Runnable start = starts.poll(); start != null; start = starts.poll()) {
            start.run();
        }
    }

    private void handle(int records, long nanos) {
        handle(records, nanos, true);
    }

    /** Has quick records handled by one worker. */
    private void handle(int records, long nanos, boolean withThoseItCallsFor) {
        takes = nanos;
        for (int number = 0; number < records; number++) {
            pool.submit(new TestTask(number));
        }
        starts.remove().run();
        if (withThoseItCallsFor) {
            runAll();
        }
    }

    private static TestTask[] lane(int length) {
        TestTask[] tasks = new TestTask[length];
        for (int i = 0; i < length; i++) {
            tasks[i] = new TestTask(i);
            if (i > 0) {
                tasks[i - 1].append(tasks[i]);
            }
        }
        return tasks;
    }

    @Test
    void aPoolSaysHowQuickItsRecordsAre() {
        assertThat(pool.isSlow()).isTrue();
        assertThat(pool.isComputing()).isFalse();
        handle(600, 100);
        assertThat(pool.isSlow()).isFalse();
        assertThat(pool.isComputing()).isTrue();
        handle(600, 10_000);
        assertThat(pool.isSlow()).isFalse();
        assertThat(pool.isComputing()).isFalse();
        handle(600, 1_000_000);
        assertThat(pool.isSlow()).isTrue();
    }

    @Test
    void whileRecordsAreSlowEachGetsAWorkerAsLongAsThereAreSlots() {
        assertThat(pool.hasBacklog()).isFalse();
        pool.submit(new TestTask(1), new TestTask(2), new TestTask(3));
        assertThat(starts).hasSize(2);
        assertThat(pool.hasBacklog()).as("no slot is free").isFalse();
        runAll();
        assertThat(handled).containsExactlyInAnyOrder(1L, 2L, 3L);
        pool.submit();
        assertThat(starts).isEmpty();
    }

    @Test
    void whileRecordsAreQuickOneWorkerIsEnough() {
        handle(600, 100);
        handled.clear();
        pool.submit(new TestTask(1), new TestTask(2));
        pool.submit(new TestTask(3));
        assertThat(starts).hasSize(1);
        assertThat(pool.hasBacklog()).isTrue();
        runAll();
        assertThat(handled).containsExactly(1L, 2L, 3L);
    }

    @Test
    void anotherWorkerIsStartedWhenNothingHasBeenClaimedForLong() {
        handle(600, 100);
        pool.submit(new TestTask(1));
        now += 499_900; // the last one was claimed before it was handled
        pool.nudge();
        assertThat(starts).hasSize(1);
        now++;
        pool.nudge();
        assertThat(starts).hasSize(2);
        runAll();
        now += 1_000_000;
        pool.nudge();
        assertThat(starts).as("there is nothing to do").isEmpty();
    }

    @Test
    void aWorkerThatIsBusyForLongCallsForAnotherWhileThereIsMoreToDo() {
        handle(600, 10_000);
        handled.clear();
        for (int number = 0; number < 100; number++) {
            pool.submit(new TestTask(number));
        }
        assertThat(starts).hasSize(1);
        starts.remove().run();
        assertThat(handled).hasSize(100);
        assertThat(starts).as("after half a millisecond").hasSize(1);
    }

    @Test
    void aLaneGoesOnOnTheSameWorkerForThirtyTwoRecordsWhileTheyAreQuick() {
        handle(600, 100);
        handled.clear();
        pool.submit(new TestTask(200), lane(40)[0], new TestTask(100));
        runAll();
        assertThat(handled).hasSize(42);
        assertThat(handled.indexOf(100L)).isEqualTo(33);
    }

    @Test
    void aTurnOfManyRecordsCountsForAsMany() {
        handle(600, 100);
        handled.clear();
        recordsInTurn = 16;
        pool.submit(new TestTask(200), lane(4)[0], new TestTask(100));
        runAll();
        assertThat(handled).containsExactly(200L, 0L, 1L, 100L, 2L, 3L);
    }

    @Test
    void slowRecordsOfALaneLeaveTheWorkerAfterEach() {
        pool.setMaxConcurrency(1);
        takes = 1_000_000;
        pool.submit(lane(2)[0], new TestTask(100));
        runAll();
        assertThat(handled).containsExactly(0L, 100L, 1L);
    }

    @Test
    void aTaskWithMoreRecordsIsHandledAgainAtOnce() {
        handling = task -> handled.size() < 3 ? Result.AGAIN : Result.OVER;
        pool.submit(lane(2)[0]);
        runAll();
        assertThat(handled).containsExactly(0L, 0L, 0L, 1L);
    }

    @Test
    void aContinuationTakesTheSlotThatItsRecordHeldOrWaitsForOne() {
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            return Result.HOLDS_LANE;
        };
        pool.setMaxConcurrency(1);
        TestTask[] lane = lane(2);
        pool.submit(lane[0]);
        runAll();
        assertThat(starts).isEmpty();
        handling = task -> Result.OVER;
        List<String> calls = new ArrayList<>();

        assertThat(pool.continueOnWorker(lane[0], held.get(0), () -> {
                    assertThat(pool.isWorkerThread()).isTrue();
                    calls.add("continued");
                    return Result.OVER;
                }))
                .isTrue();
        runAll();

        assertThat(calls).containsExactly("continued");
        assertThat(handled).containsExactly(0L, 1L);
        assertThat(pool.isWorkerThread()).isFalse();
        pool.submit(new TestTask(7));
        runAll();
        assertThat(handled).as("the slot is free again").endsWith(7L);
    }

    @Test
    void aSlotThatWasDetachedCanBeGivenBackToTheWorker() {
        pool.setMaxConcurrency(1);
        handling = task -> {
            Slot mine = pool.detachSlot();
            assertThatThrownBy(pool::detachSlot).hasMessageContaining("holds no slot");
            pool.attachSlot(mine);
            pool.leaveSlot();
            pool.takeSlotAgain();
            return Result.OVER;
        };
        pool.submit(new TestTask(1));
        runAll();
        assertThat(handled).containsExactly(1L);
        pool.submit(new TestTask(2));
        runAll();
        assertThat(handled).as("the slot is free again").containsExactly(1L, 2L);
    }

    @Test
    void whoLeavesItsSlotGetsItAgainOnlyWhileItWantsTo() {
        pool.setMaxConcurrency(1);
        List<@Nullable Boolean> got = new ArrayList<>();
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            got.add(pool.takeSlotAgainWhile(() -> false)); // the record has the only slot
            held.remove(0).close();
            got.add(pool.takeSlotAgainWhile(() -> false));
            got.add(pool.takeSlotAgainWhile(() -> false));
            return Result.OVER;
        };
        pool.submit(new TestTask(1));
        runAll();
        assertThat(got).containsExactly(false, true, true);
    }

    @Test
    void aClosedPoolStartsNoWorker() {
        assertThat(pool.isClosed()).isFalse();
        pool.close();
        assertThat(pool.isClosed()).isTrue();
        pool.submit(new TestTask(1));
        assertThat(starts).isEmpty();
        assertThat(pool.takeReady()).extracting(task -> task.number).isEqualTo(1L);
        assertThat(pool.takeReady()).isNull();
    }

    @Test
    void onlyAWorkerHasASlot() {
        assertThatThrownBy(pool::detachSlot).hasMessageContaining("not called by a worker");
    }

    @Test
    void aSlowRecordByItselfGetsOneWorker() {
        pool.submit(new TestTask(1));
        assertThat(starts).hasSize(1);
    }

    @Test
    void workersThatEndAfterOneRecordTellTheOthersHowQuickItWas() {
        for (int number = 0; number < 600; number++) {
            handle(1, 100);
        }
        assertThat(pool.isComputing()).isTrue();
    }

    @Test
    void workersWhoseRecordKeepsTheOnlySlotTellTheOthersHowQuickItWas() {
        pool.setMaxConcurrency(1);
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            return Result.HOLDS_LANE;
        };
        for (int number = 0; number < 600; number++) {
            handle(1, 100);
            pool.resumeLane(new TestTask(number), held.remove(0));
        }
        assertThat(pool.isComputing()).isTrue();
    }

    @Test
    void aWorkerWhoseRecordKeepsTheSlotGoesOnWithAnotherOne() {
        handle(600, 100);
        handled.clear();
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            return Result.HOLDS_LANE;
        };
        pool.submit(new TestTask(1), new TestTask(2), new TestTask(3));
        starts.remove().run();
        assertThat(handled).as("there are two slots").containsExactly(1L, 2L);
        assertThat(starts).isEmpty();
        held.forEach(Slot::close);
        assertThat(starts).as("a slot that is freed has the third one handled").hasSize(2);
    }

    @Test
    void recordsWhoseTurnHasComeAndPolledOnesGoAlternately() {
        handle(600, 100);
        handled.clear();
        TestTask[] one = lane(2);
        TestTask[] other = lane(2);
        pool.submit(new TestTask(10), new TestTask(11));
        pool.resumeLane(one[0], null);
        pool.resumeLane(other[0], null);
        runAll();
        assertThat(handled).containsExactly(1L, 10L, 1L, 11L);
    }

    @Test
    void whatIsRunningBeyondALowerNumberOfSlotsEndsWithItsRecord() {
        handling = task -> {
            pool.setMaxConcurrency(1);
            return Result.OVER;
        };
        pool.submit(new TestTask(1), new TestTask(2), new TestTask(3));
        assertThat(starts).hasSize(2);
        starts.remove().run();
        assertThat(handled).containsExactly(1L);
        runAll();
        assertThat(handled).containsExactly(1L, 2L, 3L);
    }

    @Test
    void aSlotThatIsAddedHasWhatWaitsHandledAtOnce() {
        pool.setMaxConcurrency(1);
        pool.submit(new TestTask(1), new TestTask(2));
        assertThat(starts).hasSize(1);
        pool.setMaxConcurrency(2);
        assertThat(starts).hasSize(2);
    }

    @Test
    void whatHasWaitedSinceItBeganGetsAWorker() {
        pool.submitAgain(new TestTask(1));
        assertThat(starts).hasSize(1);
        runAll();
        assertThat(handled).containsExactly(1L);
    }

    @Test
    void aWorkerWhoseRecordsTurnOutSlowCallsForOneMoreWithEachRecord() {
        pool.setMaxConcurrency(10);
        handle(600, 100);
        takes = 1_000_000;
        for (int number = 0; number < 20; number++) {
            pool.submit(new TestTask(number));
        }
        starts.remove().run();
        assertThat(starts).as("all other slots").hasSize(9);
    }

    @Test
    void aWorkerThatIsBusyForHalfAMillisecondCallsForNoOneYet() {
        handle(600, 10_000);
        handle(52, 10_000, false);
        assertThat(starts)
                .as("half a millisecond was over with the last one only")
                .isEmpty();
        handle(53, 10_000, false);
        assertThat(starts).hasSize(1);
    }

    @Test
    void workersThatOnlyComputeCallForNoMoreThanThereAreCoresForThem() {
        handle(600, 100);
        handle(6_000, 100, false);
        assertThat(pool.isComputing()).isTrue();
        int cores = Runtime.getRuntime().availableProcessors() - 1; // one is the consumer's
        assertThat(starts).hasSize(cores > 1 ? 1 : 0);
    }

    @Test
    void aTaskThatHasAnotherRecordCountsAsClaimed() {
        handle(600, 100);
        handled.clear();
        takes = 300_000;
        handling = task -> {
            pool.nudge();
            return handled.size() == 1 ? Result.AGAIN : Result.OVER;
        };
        pool.submit(new TestTask(1), new TestTask(2));
        starts.remove().run();
        assertThat(handled).startsWith(1L, 1L);
        assertThat(starts)
                .as("half a millisecond after its first record, and not after its second")
                .isEmpty();
    }

    @Test
    void aContinuationKeepsTheSlotOfItsRecordFromTheBeginning() {
        pool.setMaxConcurrency(1);
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            return Result.HOLDS_LANE;
        };
        TestTask task = new TestTask(1);
        pool.submit(task);
        runAll();

        pool.continueOnWorker(task, held.get(0), () -> Result.OVER);
        pool.submit(new TestTask(2));

        assertThat(starts).as("the continuation, and nobody else").hasSize(1);
    }

    @Test
    void aContinuationForWhichTheJvmHasNoThreadFreesTheSlot() {
        List<Slot> held = new ArrayList<>();
        List<Runnable> started = new ArrayList<>();
        boolean[] exhausted = {false};
        List<WorkerPool<TestTask>> pools = new ArrayList<>();
        pools.add(new WorkerPool<>(
                1,
                start -> {
                    if (exhausted[0]) {
                        throw new OutOfMemoryError("unable to create native thread");
                    }
                    started.add(start);
                },
                (TestTask.Handler) (task, begun) -> {
                    held.add(pools.get(0).detachSlot());
                    return Result.HOLDS_LANE;
                },
                () -> now));
        TestTask task = new TestTask(1);
        pools.get(0).submit(task);
        started.remove(0).run();

        exhausted[0] = true;
        assertThatThrownBy(() -> pools.get(0).continueOnWorker(task, held.get(0), () -> Result.OVER))
                .isInstanceOf(OutOfMemoryError.class);
        assertThatThrownBy(() -> pools.get(0).continueOnWorker(task, null, () -> Result.OVER))
                .isInstanceOf(OutOfMemoryError.class);

        exhausted[0] = false;
        pools.get(0).submit(new TestTask(2));
        assertThat(started).as("the slot is free again").hasSize(1);
    }

    @Test
    void whereNoThreadCanBeStartedForATaskNoneIsTriedForTheOthers() {
        List<Runnable> tried = new ArrayList<>();
        WorkerPool<TestTask> refused = new WorkerPool<>(
                3,
                start -> {
                    tried.add(start);
                    throw new RejectedExecutionException();
                },
                new Handling(),
                () -> now);
        refused.submit(new TestTask(1), new TestTask(2), new TestTask(3));
        assertThat(tried).hasSize(1);
    }

    @Test
    void aContinuationWithoutASlotWaitsForOne() throws InterruptedException {
        pool.setMaxConcurrency(1);
        List<Slot> held = new ArrayList<>();
        handling = task -> {
            held.add(pool.detachSlot());
            return Result.HOLDS_LANE;
        };
        pool.submit(new TestTask(1));
        runAll();
        AtomicBoolean continued = new AtomicBoolean();
        pool.continueOnWorker(new TestTask(2), null, () -> {
            continued.set(true);
            return Result.OVER;
        });

        Thread thread = runUntilItWaits(starts.remove());
        assertThat(continued).as("the record has the only slot").isFalse();
        held.get(0).close();
        thread.join(TimeUnit.SECONDS.toMillis(10));
        assertThat(continued).isTrue();
    }

    @Test
    void aWorkerLeavesItsSlotToAThreadThatWaitsForOneBeforeItTakesAnotherRecord() throws InterruptedException {
        pool.setMaxConcurrency(1);
        List<Thread> threads = new CopyOnWriteArrayList<>();
        CountDownLatch mayGoOn = new CountDownLatch(1);
        CountDownLatch hasLeft = new CountDownLatch(1);
        handling = task -> {
            threads.add(Thread.currentThread());
            if (task.number == 1) {
                pool.leaveSlot();
                hasLeft.countDown();
                awaitLatch(mayGoOn);
                pool.takeSlotAgain();
            } else if (task.number == 2) {
                mayGoOn.countDown();
                awaitWaiting(threads.get(0));
            }
            return Result.OVER;
        };
        pool.submit(new TestTask(1));
        Thread first = new Thread(starts.remove());
        first.start();
        awaitLatch(hasLeft);
        pool.submit(new TestTask(2), new TestTask(3));

        starts.remove().run();
        first.join(TimeUnit.SECONDS.toMillis(10));

        Thread second = Thread.currentThread();
        assertThat(handled).containsExactly(1L, 2L, 3L);
        assertThat(threads).containsExactly(first, second, first);
    }

    private static Thread runUntilItWaits(Runnable work) {
        Thread thread = new Thread(work);
        thread.start();
        awaitWaiting(thread);
        return thread;
    }

    private static void awaitWaiting(Thread thread) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(1))
                .until(() -> thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TERMINATED);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
