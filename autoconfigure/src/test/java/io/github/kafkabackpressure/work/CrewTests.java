package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CrewTests {

    private final AtomicInteger started = new AtomicInteger();

    private final AtomicLong now = new AtomicLong();

    private final Crew<String> crew = new Crew<>(1, now::get, started::incrementAndGet);

    @Test
    void oneMoreIsStartedOnlyWhenTasksAreReadyAndASlotIsFree() {
        crew.startIfBacklog();
        assertThat(crew.hasBacklog()).isFalse();
        assertThat(started).hasValue(0);

        crew.ready.addNext("task");
        assertThat(crew.hasBacklog()).isTrue();
        crew.startIfBacklog();
        assertThat(started).hasValue(1);

        crew.slots.tryTake();
        assertThat(crew.hasBacklog()).isFalse();
        crew.startIfBacklog();
        assertThat(started).hasValue(1);
    }

    @Test
    void oneMoreIsStartedWhenASlotIsFreedWhileTasksAreReady() {
        Slot slot = crew.slots.tryTake();
        crew.ready.addNext("task");
        slot.close();
        assertThat(started).hasValue(1);
    }

    @Test
    void whoHasNotClaimedForHalfAMillisecondMayHang() {
        crew.claimed(1_000);
        now.set(501_000);
        assertThat(crew.hasNotClaimedForLong()).isFalse();
        now.set(501_001);
        assertThat(crew.hasNotClaimedForLong()).isTrue();
    }

    @Test
    void lingeringEndsWhenThereIsATaskOrSomebodyElseNeedsTheSlotOrTheEndHasCome() throws InterruptedException {
        assertThat(crew.endsLingering.getAsBoolean()).isFalse();
        crew.ready.addNext("task");
        assertThat(crew.endsLingering.getAsBoolean()).isTrue();
        crew.ready.claim(true);
        assertThat(crew.endsLingering.getAsBoolean()).isFalse();

        Slot slot = crew.slots.tryTake();
        Thread waiter = new Thread(() -> crew.slots.takeWhile(() -> true));
        waiter.start();
        while (!crew.slots.areWaitedFor()) {
            Thread.onSpinWait();
        }
        assertThat(crew.endsLingering.getAsBoolean()).isTrue();
        slot.close();
        waiter.join();
        assertThat(crew.endsLingering.getAsBoolean()).isFalse();

        crew.close();
        assertThat(crew.isClosed()).isTrue();
        assertThat(crew.endsLingering.getAsBoolean()).isTrue();
    }

    @Test
    void thoseThatWorkAreCounted() {
        crew.cameToWork();
        crew.cameToWork();
        crew.leftWork();
        assertThat(crew.working()).isEqualTo(1);
    }
}
