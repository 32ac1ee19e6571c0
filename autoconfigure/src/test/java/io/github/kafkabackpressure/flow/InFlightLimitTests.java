package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class InFlightLimitTests {

    private final InFlightLimit limit = new InFlightLimit(new Watermarks(10, 5));

    @Test
    void reservesNoMoreRoomThanThereIs() {
        assertThat(limit.tryReserve(6)).isTrue();
        assertThat(limit.tryReserve(5)).isFalse();
        assertThat(limit.tryReserve(4)).isTrue();
        assertThat(limit.tryReserve(1)).isFalse();
    }

    @Test
    void reservedRoomIsNotInFlight() {
        limit.tryReserve(8);
        assertThat(limit.inFlight()).isZero();
        assertThat(limit.isDrainedToLowWatermark()).isTrue();
    }

    @Test
    void aFailedReservationLeavesNothingBehind() {
        limit.tryReserve(8);
        limit.settle(8, 8);
        limit.tryReserve(5);

        assertThat(limit.inFlight()).isEqualTo(8);
        assertThat(limit.tryReserve(2)).isTrue();
    }

    @Test
    void whatAPollDidNotBringIsFreeAgain() {
        limit.tryReserve(8);
        limit.settle(8, 3);

        assertThat(limit.inFlight()).isEqualTo(3);
        assertThat(limit.tryReserve(7)).isTrue();
        assertThat(limit.tryReserve(1)).isFalse();
    }

    @Test
    void hasRoomOnlyOnceDrainedToTheLowWatermark() {
        limit.tryReserve(7);
        limit.settle(7, 7);
        limit.release(1);
        assertThat(limit.hasRoomFor(1)).as("6 in flight").isFalse();
        limit.release(1);
        assertThat(limit.hasRoomFor(1)).as("5 in flight").isTrue();
        assertThat(limit.hasRoomFor(5)).isTrue();
        assertThat(limit.hasRoomFor(6)).isFalse();
    }

    @Test
    void wakesOnlyWhoWaitsAndHasRoom() {
        assertThat(limit.shouldWakeWaiting(1)).as("nobody waits").isFalse();
        limit.startWaiting(this);
        assertThat(limit.shouldWakeWaiting(1)).isTrue();
        assertThat(limit.shouldWakeWaiting(11)).as("no room").isFalse();
        limit.stopWaiting(this);
        assertThat(limit.shouldWakeWaiting(1)).isFalse();
    }

    @Test
    void tellsItsWatermarks() {
        assertThat(limit.limit()).isEqualTo(10);
        assertThat(limit.lowWatermark()).isEqualTo(5);
    }

    @Test
    void aConsumerLeavesRoomForThoseThatWaitLonger() {
        limit.startWaiting("first");
        limit.startWaiting("second");
        assertThat(limit.tryReserveInTurn("third", 4))
                .as("12 would have to be free")
                .isFalse();
        assertThat(limit.tryReserveInTurn("third", 3)).isTrue();
        assertThat(limit.tryReserveInTurn("second", 4))
                .as("8 would have to be free")
                .isFalse();
        assertThat(limit.tryReserveInTurn("first", 7)).isTrue();
        assertThat(limit.isFull()).isTrue();
        limit.stopWaiting("first");
        limit.release(7);
        assertThat(limit.tryReserveInTurn("second", 7)).isTrue();
    }

    @Test
    void whatIsTakenBeyondALowerLimitIsGivenBackFirst() {
        assertThat(limit.tryTake(8)).isTrue();
        assertThat(limit.tryTake(3)).isFalse();
        assertThat(limit.excess()).isZero();
        assertThat(limit.isFull()).isFalse();

        limit.change(new Watermarks(5, 2));

        assertThat(limit.limit()).isEqualTo(5);
        assertThat(limit.excess()).isEqualTo(3);
        assertThat(limit.isFull()).isTrue();
        assertThat(limit.inFlight()).isEqualTo(8);
        limit.release(3);
        assertThat(limit.excess()).isZero();
        assertThat(limit.tryTake(1)).isFalse();
        limit.release(1);
        assertThat(limit.hasRoomWithin(1)).isTrue();
        assertThat(limit.hasRoomWithin(2)).isFalse();
        assertThat(limit.tryTake(1)).isTrue();
    }

    @Test
    void whatStandsStillIsNotWaitedFor() {
        limit.tryTake(7);
        assertThat(limit.isDrainedToLowWatermark()).isFalse();
        limit.startStanding();
        assertThat(limit.isDrainedToLowWatermark()).isFalse();
        limit.startStanding();
        assertThat(limit.isDrainedToLowWatermark()).isTrue();
        assertThat(limit.hasRoomFor(3)).isTrue();
        assertThat(limit.hasRoomFor(4)).isFalse();
        limit.stopStanding();
        assertThat(limit.isDrainedToLowWatermark()).isFalse();
        limit.addStanding(3);
        assertThat(limit.isDrainedToLowWatermark()).isTrue();
        limit.addStanding(-3);
        assertThat(limit.isDrainedToLowWatermark()).isFalse();
    }

    @Test
    void isNeverExceededAndNeverNegativeUnderContention() throws InterruptedException {
        AtomicInteger reallyTaken = new AtomicInteger();
        AtomicInteger wrong = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int consumer = 0; consumer < 4; consumer++) {
            threads.add(new Thread(() -> {
                for (int i = 0; i < 50_000; i++) {
                    int room = ThreadLocalRandom.current().nextInt(1, 6);
                    if (limit.tryReserve(room)) {
                        int polled = ThreadLocalRandom.current().nextInt(room + 1);
                        // Counted after the room was taken and uncounted before it is given back.
                        if (reallyTaken.addAndGet(room) > 10 || limit.inFlight() < 0) {
                            wrong.incrementAndGet();
                        }
                        reallyTaken.addAndGet(polled - room);
                        limit.settle(room, polled);
                        reallyTaken.addAndGet(-polled);
                        limit.release(polled);
                    }
                }
            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(wrong).hasValue(0);
        assertThat(limit.inFlight()).isZero();
        assertThat(limit.tryReserve(10)).as("no room was lost").isTrue();
    }
}
