package io.github.kafkabackpressure.rate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a gate does for who waits at it, with a clock that stands still unless it is moved. */
class RateGateWaitTests {

    private final AtomicLong now = new AtomicLong(-10);

    private final AtomicLong wait = new AtomicLong();

    private final AtomicInteger asked = new AtomicInteger();

    private final RateGate gate = new RateGate(
            () -> {
                asked.incrementAndGet();
                return wait.get();
            },
            now::get);

    @AfterEach
    void nobodyHasKeptTheTurn() throws InterruptedException {
        Thread.interrupted();
        wait.set(0);
        AtomicBoolean passes = new AtomicBoolean();
        Thread other = new Thread(() -> passes.set(gate.tryPass()));
        other.start();
        other.join();
        assertThat(passes).isTrue();
    }

    @Test
    void whoDoesNotWaitPassesOnlyIfTheRateAllowsIt() {
        assertThat(gate.tryPass()).isTrue();
        wait.set(5);
        assertThat(gate.tryPass()).isFalse();
        assertThat(asked).hasValue(2);
    }

    @Test
    void whoCannotPassInTimeDoesNotWait() throws InterruptedException {
        wait.set(101);
        assertThat(gate.pass(100, () -> true)).isFalse();
        assertThat(asked).hasValue(1);
    }

    @Test
    void whoCanPassAtTheLastMomentWaitsForIt() throws InterruptedException {
        wait.set(100);
        assertThat(gate.pass(100, () -> {
                    if (asked.get() == 1) {
                        wait.set(0);
                    }
                    return true;
                }))
                .isTrue();
        assertThat(asked).hasValue(2);
    }

    @Test
    void whoMayNotGoOnDoesNotPass() throws InterruptedException {
        assertThat(gate.pass(100, () -> false)).isFalse();
        assertThat(asked).hasValue(0);
    }

    @Test
    void whoWaitsLooksAgainWhenItIsReleased() throws InterruptedException {
        wait.set(Long.MAX_VALUE / 4);
        AtomicBoolean open = new AtomicBoolean(true);
        AtomicBoolean passed = new AtomicBoolean(true);
        Thread waiter = new Thread(() -> {
            try {
                passed.set(gate.pass(Long.MAX_VALUE / 2, open::get));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        waiter.start();
        await().until(() -> waiter.getState() == Thread.State.TIMED_WAITING);
        assertThat(gate.tryPass()).as("it is the other one's turn").isFalse();

        open.set(false);
        gate.release();

        waiter.join();
        assertThat(passed).isFalse();
        gate.release(); // nobody waits: nothing happens
    }

    @Test
    void whoHasNoTimeDoesNotQueueForItsTurn() throws InterruptedException {
        AtomicBoolean passed = new AtomicBoolean(true);
        assertThat(gate.pass(100, () -> {
                    Thread other = new Thread(() -> {
                        try {
                            passed.set(gate.pass(0, () -> true));
                        } catch (InterruptedException e) {
                            throw new AssertionError(e);
                        }
                    });
                    other.start();
                    joined(other);
                    return true;
                }))
                .isTrue();
        assertThat(passed).isFalse();
        assertThat(asked).hasValue(1);
    }

    private static void joined(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anInterruptEndsTheWait() {
        wait.set(50);
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> gate.pass(100, () -> true)).isInstanceOf(InterruptedException.class);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }
}
