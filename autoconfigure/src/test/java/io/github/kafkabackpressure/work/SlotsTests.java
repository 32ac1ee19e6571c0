package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SlotsTests {

    private final AtomicInteger freed = new AtomicInteger();

    private final Slots slots = new Slots(2, freed::incrementAndGet);

    @Test
    void noMoreAreTakenThanThereAre() {
        assertThat(slots.hasFree()).isTrue();
        Slot first = slots.tryTake();
        assertThat(slots.hasFree()).isTrue();
        assertThat(slots.tryTake()).isNotNull();
        assertThat(slots.hasFree()).isFalse();
        assertThat(slots.tryTake()).isNull();

        first.close();

        assertThat(freed).hasValue(1);
        assertThat(slots.hasFree()).isTrue();
        assertThat(slots.tryTake()).isNotNull();
        assertThat(slots.tryTake()).isNull();
    }

    @Test
    void aSlotIsFreedOnce() {
        Slot first = slots.tryTake();
        slots.tryTake();
        assertThat(first.release()).isTrue();
        assertThat(first.release()).isFalse();
        first.close();
        assertThat(freed).hasValue(0);
        assertThat(slots.tryTake()).isNotNull();
        assertThat(slots.tryTake()).isNull();
    }

    @Test
    void whoWaitsGetsTheSlotThatIsFreed() {
        Slot first = slots.tryTake();
        slots.tryTake();
        Taker taker = new Taker(() -> true);
        assertThat(slots.areWaitedFor()).isTrue();

        first.close();

        Slot handed = taker.slot();
        assertThat(handed).isNotNull().isNotSameAs(first);
        assertThat(slots.areWaitedFor()).isFalse();
        assertThat(slots.hasFree()).isFalse();
        handed.close();
        assertThat(slots.hasFree()).isTrue();
    }

    @Test
    void whoeverNeedsNotWaitDoesNot() {
        assertThat(slots.takeWhile(() -> false)).isNotNull();
        assertThat(slots.areWaitedFor()).isFalse();
    }

    @Test
    void theWaitEndsWhenItsConditionDoes() {
        Slot first = slots.tryTake();
        slots.tryTake();
        AtomicBoolean waits = new AtomicBoolean(true);
        Taker taker = new Taker(waits::get);

        waits.set(false);
        slots.lookAgain();

        assertThat(taker.slot()).isNull();
        assertThat(slots.areWaitedFor()).isFalse();
        first.close();
        assertThat(slots.tryTake()).isNotNull();
    }

    @Test
    void anInterruptDoesNotEndTheWaitAndStaysSet() {
        Slot first = slots.tryTake();
        slots.tryTake();
        Taker taker = new Taker(() -> true);

        taker.thread.interrupt();
        Awaitility.await()
                .pollInterval(Duration.ofMillis(1))
                .until(() -> !taker.thread.isInterrupted() && taker.thread.getState() == Thread.State.WAITING);
        assertThat(taker.slot).isNotDone();

        first.close();
        assertThat(taker.slot()).isNotNull();
        assertThat(taker.interrupted).isTrue();
    }

    @Test
    void whoWaitsGetsASlotThatIsAdded() {
        slots.tryTake();
        slots.tryTake();
        Taker taker = new Taker(() -> true);

        slots.change(3);

        assertThat(taker.slot()).isNotNull();
        assertThat(slots.hasFree()).isFalse();
    }

    @Test
    void whatIsTakenBeyondALowerNumberGoesAsItIsFreed() {
        Slot first = slots.tryTake();
        Slot second = slots.tryTake();
        assertThat(slots.areTooMany()).isFalse();
        slots.change(1);
        assertThat(slots.areTooMany()).isTrue();
        Taker taker = new Taker(() -> true);

        first.close();
        assertThat(slots.areTooMany()).isFalse();
        assertThat(slots.areWaitedFor()).isTrue();
        assertThat(slots.tryTake()).isNull();

        second.close();
        assertThat(taker.slot()).isNotNull();
        assertThat(slots.tryTake()).isNull();
    }

    /** Takes a slot on a thread of its own, and waits until that waits. */
    private final class Taker {

        final CompletableFuture<Slot> slot = new CompletableFuture<>();

        final Thread thread;

        volatile boolean interrupted;

        Taker(BooleanSupplier condition) {
            thread = new Thread(() -> {
                Slot taken = slots.takeWhile(condition);
                interrupted = Thread.interrupted();
                slot.complete(taken);
            });
            thread.start();
            Awaitility.await()
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> thread.getState() == Thread.State.WAITING);
        }

        Slot slot() {
            return slot.orTimeout(10, TimeUnit.SECONDS).join();
        }
    }
}
