package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.work.WorkerPool.Result;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;
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
        takes = nanos;
        for (int number = 0; number < records; number++) {
            pool.submit(new TestTask(number));
        }
        runAll();
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
}
