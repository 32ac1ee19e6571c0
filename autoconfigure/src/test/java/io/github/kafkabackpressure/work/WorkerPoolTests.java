package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkerPoolTests {

    private final ExecutorService threads = Executors.newCachedThreadPool();

    private final Queue<TestTask> handled = new ConcurrentLinkedQueue<>();

    private WorkerPool<TestTask> pool;

    @AfterEach
    void endThreads() throws InterruptedException {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    }

    private void makePool(int slots, TestTask.Handler handler) {
        makePool(slots, threads, handler, System::nanoTime);
    }

    private void makePool(int slots, Executor executor, TestTask.Handler handler, LongSupplier nanoTime) {
        pool = new WorkerPool<>(
                slots,
                executor,
                (TestTask.Handler) (task, begun) -> {
                    handled.add(task);
                    return handler.handle(task, begun);
                },
                nanoTime);
    }

    private static TestTask task(long number) {
        return new TestTask(number);
    }

    private static TestTask[] tasks(int count) {
        TestTask[] tasks = new TestTask[count];
        for (int i = 0; i < count; i++) {
            tasks[i] = task(i);
        }
        return tasks;
    }

    private void submit(TestTask... tasks) {
        pool.submit(tasks);
    }

    @Test
    void handlesAsManyAtOnceAsThereAreSlotsAndNeverMore() {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        makePool(4, (task, begun) -> {
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            LockSupport.parkNanos(ThreadLocalRandom.current().nextInt(300_000));
            running.decrementAndGet();
            return WorkerPool.Result.OVER;
        });
        for (int poll = 0; poll < 40; poll++) {
            submit(tasks(50));
        }
        await().until(() -> handled.size() == 2000);
        assertThat(most).hasValue(4);
    }

    /** A record whose result comes later, and the slot that it holds until then. */
    private record Held(TestTask task, Slot slot) {}

    /** Lanes, threads that wait, results that come later, and two consumers: all at once, and nobody is left behind. */
    @Test
    void handlesEveryRecordOnceAndEveryLaneInOrder() throws InterruptedException {
        int slots = 3;
        int records = 20_000;
        int lanes = 16;
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Queue<Held> later = new ConcurrentLinkedQueue<>();
        AtomicInteger ended = new AtomicInteger();
        makePool(slots, (task, begun) -> {
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            switch (ThreadLocalRandom.current().nextInt(50)) {
                case 0 -> LockSupport.parkNanos(100_000);
                case 1 -> {
                    running.decrementAndGet();
                    pool.leaveSlot();
                    LockSupport.parkNanos(100_000);
                    pool.takeSlotAgain();
                    most.accumulateAndGet(running.incrementAndGet(), Math::max);
                }
                case 2 -> {
                    running.decrementAndGet(); // before the next line, after which another thread may free the slot
                    later.add(new Held(task, pool.detachSlot()));
                    return WorkerPool.Result.HOLDS_LANE;
                }
                default -> {}
            }
            running.decrementAndGet();
            ended.incrementAndGet();
            return WorkerPool.Result.OVER;
        });
        AtomicBoolean over = new AtomicBoolean();
        threads.execute(() -> {
            while (!over.get()) {
                Held held = later.poll();
                if (held != null) {
                    ended.incrementAndGet();
                    pool.resumeLane(held.task, held.slot);
                } else {
                    Thread.onSpinWait();
                }
            }
        });
        List<Thread> consumers = new ArrayList<>();
        for (int consumer = 0; consumer < 2; consumer++) {
            long base = (long) consumer * records;
            consumers.add(new Thread(() -> poll(base, records, lanes)));
        }
        consumers.forEach(Thread::start);
        for (Thread consumer : consumers) {
            consumer.join();
        }
        await().until(() -> ended.get() == 2 * records);
        over.set(true);
        assertThat(most.get()).isLessThanOrEqualTo(slots);
        assertThat(handled).doesNotHaveDuplicates();
        long[] lasts = new long[2 * lanes];
        for (TestTask task : handled) {
            int lane = (int) (task.number / records) * lanes + (int) (task.number % lanes);
            assertThat(task.number).isGreaterThanOrEqualTo(lasts[lane]);
            lasts[lane] = task.number;
        }
        await().untilAsserted(() -> assertThat(pool.hasBacklog()).isFalse());
    }

    /** Submits records like polls of a consumer, each appended to its lane. */
    private void poll(long base, int records, int lanes) {
        TestTask[] lasts = new TestTask[lanes];
        for (int number = 0; number < records; ) {
            TestTask[] ready = new TestTask[100];
            int count = 0;
            for (int i = ThreadLocalRandom.current().nextInt(1, 100); i > 0 && number < records; i--) {
                TestTask task = task(base + number);
                int lane = (int) (task.number % lanes);
                if (lasts[lane] == null || !lasts[lane].append(task)) {
                    ready[count++] = task;
                }
                lasts[lane] = task;
                number++;
            }
            pool.submit(Arrays.copyOf(ready, count));
        }
    }

    @Test
    void aThreadThatWaitsLeavesItsSlotToOthers() throws InterruptedException {
        CountDownLatch otherHandled = new CountDownLatch(1);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        makePool(1, (task, begun) -> {
            if (task.number == 0) {
                pool.leaveSlot();
                awaitLatch(otherHandled);
                pool.takeSlotAgain();
            }
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            LockSupport.parkNanos(1_000_000);
            running.decrementAndGet();
            otherHandled.countDown();
            return WorkerPool.Result.OVER;
        });
        submit(tasks(20));

        await().until(() -> handled.size() == 20 && running.get() == 0);
        assertThat(most).hasValue(1);
    }

    @Test
    void anInterruptDoesNotEndTheWaitForASlotAndStaysSet() throws InterruptedException {
        CountDownLatch left = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicBoolean interrupted = new AtomicBoolean();
        CountDownLatch back = new CountDownLatch(1);
        AtomicInteger waiting = new AtomicInteger();
        List<Thread> waiter = new ArrayList<>();
        makePool(1, (task, begun) -> {
            if (task.number == 0) {
                waiter.add(Thread.currentThread());
                pool.leaveSlot();
                awaitLatch(left);
                waiting.incrementAndGet();
                pool.takeSlotAgain();
                interrupted.set(Thread.interrupted());
                back.countDown();
            } else {
                left.countDown();
                awaitLatch(release);
            }
            return WorkerPool.Result.OVER;
        });
        submit(tasks(2));
        await().until(() -> waiting.get() == 1 && waiter.get(0).getState() == Thread.State.WAITING);
        waiter.get(0).interrupt();
        assertThat(back.await(50, TimeUnit.MILLISECONDS)).isFalse();
        release.countDown();

        assertThat(back.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(interrupted).isTrue();
    }

    @Test
    void aRecordThatHoldsItsSlotKeepsItUntilItsLaneIsResumed() {
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        Queue<Slot> held = new ArrayDeque<>();
        makePool(
                1,
                starts::add,
                (task, begun) -> {
                    held.add(pool.detachSlot());
                    return WorkerPool.Result.HOLDS_LANE;
                },
                () -> 0);
        TestTask[] both = tasks(2);
        submit(both);
        runAll(starts);
        assertThat(handled).containsExactly(both[0]);
        assertThat(pool.hasBacklog()).isFalse();

        pool.resumeLane(both[0], held.remove());
        runAll(starts);
        assertThat(handled).containsExactly(both);
    }

    @Test
    void aSlotIsFreedOnceHoweverOftenItIsClosed() {
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        Queue<Slot> held = new ArrayDeque<>();
        makePool(
                1,
                starts::add,
                (task, begun) -> {
                    held.add(pool.detachSlot());
                    return WorkerPool.Result.HOLDS_LANE;
                },
                () -> 0);
        submit(tasks(3));
        runAll(starts);
        Slot first = held.remove();
        first.close();
        first.close();
        runAll(starts);

        assertThat(handled).hasSize(2);
    }

    @Test
    void aRecordThatHoldsItsLaneLeavesTheSlotToOtherLanes() {
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        makePool(1, starts::add, (task, begun) -> WorkerPool.Result.HOLDS_LANE, () -> 0);
        TestTask[] tasks = tasks(3);
        tasks[0].append(tasks[1]);
        submit(tasks[0], tasks[2]);
        runAll(starts);
        assertThat(handled).containsExactly(tasks[0], tasks[2]);

        pool.resumeLane(tasks[0], null);
        runAll(starts);
        assertThat(handled).containsExactly(tasks[0], tasks[2], tasks[1]);
    }

    @Test
    void aTaskThatHasWaitedGoesBeforeThoseThatHaveNotBegun() {
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        makePool(1, starts::add, (task, begun) -> WorkerPool.Result.OVER, () -> 0);
        TestTask[] tasks = tasks(3);
        submit(tasks[0], tasks[1]);
        pool.submitAgain(tasks[2]);
        runAll(starts);

        assertThat(handled).containsExactly(tasks[2], tasks[0], tasks[1]);
    }

    @Test
    void whoNeedsNoSlotAnyMoreDoesNotWaitForOne() throws InterruptedException {
        CountDownLatch left = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicBoolean needed = new AtomicBoolean(true);
        List<Boolean> taken = new CopyOnWriteArrayList<>();
        List<Thread> waiter = new CopyOnWriteArrayList<>();
        makePool(1, (task, begun) -> {
            if (task.number == 0) {
                pool.leaveSlot();
                awaitLatch(left);
                waiter.add(Thread.currentThread());
                taken.add(pool.takeSlotAgainWhile(needed::get));
            } else if (task.number == 1) {
                left.countDown();
                awaitLatch(release);
            }
            return WorkerPool.Result.OVER;
        });
        submit(tasks(2));
        await().until(() -> waiter.size() == 1 && waiter.get(0).getState() == Thread.State.WAITING);
        pool.lookAgain();
        assertThat(taken).isEmpty();
        needed.set(false);
        pool.lookAgain();
        await().until(() -> taken.size() == 1);
        assertThat(taken).containsExactly(false);

        release.countDown();
        submit(task(2));
        await().untilAsserted(() -> assertThat(handled).hasSize(3));
    }

    @Test
    void aBlockedLaneStaysBlockedAndHoldsNobodyElseUp() {
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        makePool(1, starts::add, (task, begun) -> WorkerPool.Result.BLOCKS_LANE, () -> 0);
        TestTask[] tasks = tasks(3);
        tasks[0].append(tasks[1]);
        submit(tasks[0], tasks[2]);
        runAll(starts);

        assertThat(handled).containsExactly(tasks[0], tasks[2]);
    }

    @Test
    void aHangingHandlerAfterQuickOnesIsOvertaken() {
        CountDownLatch release = new CountDownLatch(1);
        AtomicLong clock = new AtomicLong();
        makePool(
                2,
                threads,
                (task, begun) -> {
                    if (task.number == 999) {
                        awaitLatch(release);
                    }
                    return WorkerPool.Result.OVER;
                },
                clock::get);
        submit(tasks(500)); // by this clock they take no time at all
        await().until(() -> handled.size() == 500);
        await().until(() -> ((ThreadPoolExecutor) threads).getActiveCount() == 0); // nobody is left who would take both
        submit(task(999), task(1000));
        await().until(() -> handled.size() >= 501);
        assertThat(handled).extracting(task -> task.number).doesNotContain(1000L);

        clock.addAndGet(TimeUnit.SECONDS.toNanos(1));
        pool.nudge();
        await().untilAsserted(() ->
                assertThat(handled).extracting(task -> task.number).contains(1000L));
        release.countDown();
    }

    @Test
    void whatFollowsAContinuationThatBlocksItsLaneIsNotLeftBehind() {
        makePool(1, Runnable::run, (task, begun) -> WorkerPool.Result.OVER, () -> 0);
        TestTask other = task(1);
        pool.continueOnWorker(task(0), null, () -> {
            submit(other); // there is no slot for it now
            return WorkerPool.Result.BLOCKS_LANE;
        });

        assertThat(handled).containsExactly(other);
    }

    @Test
    void aContinuationThatIsOverResumesItsLane() {
        makePool(1, Runnable::run, (task, begun) -> WorkerPool.Result.OVER, () -> 0);
        TestTask[] tasks = tasks(2);
        tasks[0].append(tasks[1]);
        pool.continueOnWorker(tasks[0], null, () -> WorkerPool.Result.OVER);

        assertThat(handled).containsExactly(tasks[1]);
    }

    @Test
    void aContinuationThatNoThreadTakesIsRefusedAndFreesTheSlot() {
        AtomicBoolean refuses = new AtomicBoolean();
        Queue<Slot> held = new ArrayDeque<>();
        makePool(
                1,
                work -> {
                    if (refuses.get()) {
                        throw new RejectedExecutionException();
                    }
                    work.run();
                },
                (task, begun) -> {
                    if (handled.size() > 1) {
                        return WorkerPool.Result.OVER;
                    }
                    held.add(pool.detachSlot());
                    return WorkerPool.Result.HOLDS_LANE;
                },
                () -> 0);
        TestTask waiting = task(0);
        TestTask next = task(1);
        submit(waiting);
        refuses.set(true);
        AtomicBoolean called = new AtomicBoolean();
        boolean accepted = pool.continueOnWorker(waiting, held.remove(), () -> {
            called.set(true);
            return WorkerPool.Result.OVER;
        });

        assertThat(accepted).isFalse();
        assertThat(called).isFalse();
        refuses.set(false);
        submit(next);
        assertThat(handled).containsExactly(waiting, next);
    }

    @Test
    void closingInterruptsThoseThatRunAndStartsNoMore() throws InterruptedException {
        CountDownLatch interrupted = new CountDownLatch(2);
        AtomicInteger running = new AtomicInteger();
        makePool(2, (task, begun) -> {
            running.incrementAndGet();
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                interrupted.countDown();
            }
            return WorkerPool.Result.BLOCKS_LANE;
        });
        submit(tasks(2));
        await().until(() -> running.get() == 2);
        pool.close();

        assertThat(interrupted.await(10, TimeUnit.SECONDS)).isTrue();
        ArrayDeque<Runnable> starts = new ArrayDeque<>();
        makePool(2, starts::add, (task, begun) -> WorkerPool.Result.OVER, () -> 0);
        pool.close();
        submit(tasks(1));
        assertThat(starts).isEmpty();
    }

    @Test
    void aThreadThatCannotBeStartedTakesNoSlot() {
        AtomicBoolean refuses = new AtomicBoolean(true);
        makePool(
                1,
                work -> {
                    if (refuses.get()) {
                        throw new RejectedExecutionException();
                    }
                    work.run();
                },
                (task, begun) -> WorkerPool.Result.OVER,
                () -> 0);
        submit(task(0));
        assertThat(handled).isEmpty();
        refuses.set(false);
        submit(task(1));

        assertThat(handled).hasSize(2);
    }

    @Test
    void knowsItsOwnThreads() {
        ConcurrentHashMap<Boolean, Boolean> answers = new ConcurrentHashMap<>();
        makePool(1, (task, begun) -> {
            answers.put(pool.isWorkerThread(), true);
            return WorkerPool.Result.OVER;
        });
        submit(task(0));
        await().until(() -> !answers.isEmpty());

        assertThat(answers).containsOnlyKeys(true);
        assertThat(pool.isWorkerThread()).isFalse();
    }

    private static void runAll(ArrayDeque<Runnable> starts) {
        while (!starts.isEmpty()) {
            starts.poll().run();
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void whatNoThreadCouldBeStartedForIsHandledOnceThereIsOne() {
        AtomicBoolean exhausted = new AtomicBoolean(true);
        makePool(
                2,
                task -> {
                    if (exhausted.get()) {
                        throw new OutOfMemoryError("unable to create native thread");
                    }
                    threads.execute(task);
                },
                (task, begun) -> WorkerPool.Result.OVER,
                System::nanoTime);
        submit(tasks(3));
        assertThat(handled).isEmpty();

        exhausted.set(false);
        await().until(() -> {
            pool.nudge();
            return handled.size() == 3;
        });
    }

    @Test
    void anInterruptThatUserCodeLeavesBehindIsForgottenButNotThatOfTheClose() throws Exception {
        makePool(1, (task, begun) -> WorkerPool.Result.OVER);
        Thread.currentThread().interrupt();
        pool.forgetInterrupt();
        assertThat(Thread.interrupted()).isFalse();

        pool.close();
        Thread.currentThread().interrupt();
        pool.forgetInterrupt();
        assertThat(Thread.interrupted()).isTrue();
    }
}
