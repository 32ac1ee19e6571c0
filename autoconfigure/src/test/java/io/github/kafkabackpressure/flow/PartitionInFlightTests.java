package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PartitionInFlightTests {

    private final PartitionInFlight inFlight = new PartitionInFlight();

    @Test
    void countsQueuedAndRunningRecords() {
        inFlight.add(3);
        assertThat(inFlight.inFlight()).isEqualTo(3);
        assertThat(inFlight.running()).isZero();
        assertThat(inFlight.start()).isTrue();
        assertThat(inFlight.start()).isTrue();
        assertThat(inFlight.running()).isEqualTo(2);
        assertThat(inFlight.inFlight()).isEqualTo(3);
        assertThat(inFlight.finish()).isEqualTo(2);
        assertThat(inFlight.running()).isEqualTo(1);
    }

    @Test
    void closingTakesTheQueuedOnesOutOnceAndLeavesTheRunningOnes() {
        inFlight.add(5);
        inFlight.start();
        inFlight.start();

        assertThat(inFlight.isClosed()).isFalse();
        assertThat(inFlight.close()).isEqualTo(3);
        assertThat(inFlight.isClosed()).isTrue();
        assertThat(inFlight.inFlight()).isEqualTo(2);
        assertThat(inFlight.running()).isEqualTo(2);
        assertThat(inFlight.close()).isZero();
    }

    @Test
    void nothingStartsAfterClosing() {
        inFlight.add(2);
        inFlight.start();
        inFlight.close();

        assertThat(inFlight.start()).isFalse();
        assertThat(inFlight.running()).isEqualTo(1);
        assertThat(inFlight.finish()).isZero();
        assertThat(inFlight.running()).isZero();
        assertThat(inFlight.isClosed()).isTrue();
    }

    @Test
    void aRunningRecordTakesThoseWithItThatItStandsFor() {
        inFlight.add(10);
        inFlight.start();
        assertThat(inFlight.leave(4)).isEqualTo(4);
        assertThat(inFlight.inFlight()).isEqualTo(6);
        assertThat(inFlight.running()).isEqualTo(1);
        assertThat(inFlight.finish(5)).isEqualTo(5);
        assertThat(inFlight.inFlight()).isEqualTo(1);
        assertThat(inFlight.running()).isZero();

        inFlight.start();
        long counts = inFlight.counts();
        assertThat(PartitionInFlight.inFlight(counts)).isEqualTo(1);
        assertThat(PartitionInFlight.running(counts)).isEqualTo(1);
    }

    @Test
    void whatItStandsForHasLeftWithTheAssignment() {
        inFlight.add(10);
        inFlight.start();
        inFlight.close();
        assertThat(inFlight.leave(4)).isZero();
        assertThat(inFlight.inFlight()).isEqualTo(1);
        assertThat(inFlight.finish(5)).isEqualTo(1);
        assertThat(inFlight.inFlight()).isZero();
        assertThat(inFlight.running()).isZero();
        assertThat(inFlight.isClosed()).isTrue();
    }

    @Test
    void closesWhenEmpty() {
        assertThat(inFlight.isClosed()).isFalse();
        assertThat(inFlight.close()).isZero();
        assertThat(inFlight.isClosed()).isTrue();
        assertThat(inFlight.inFlight()).isZero();
    }

    @Test
    void everyRecordLeavesFlightExactlyOnceHoweverClosingFallsIn() throws Exception {
        int records = 64;
        Random random = new Random(1);
        for (int round = 0; round < 500; round++) {
            PartitionInFlight assignment = new PartitionInFlight();
            assignment.add(records);
            AtomicInteger left = new AtomicInteger();
            CyclicBarrier together = new CyclicBarrier(3);
            Runnable worker = () -> {
                await(together);
                for (int i = 0; i < records / 2; i++) {
                    if (assignment.start()) {
                        assignment.finish();
                        left.incrementAndGet();
                    }
                }
            };
            Thread one = new Thread(worker);
            Thread other = new Thread(worker);
            one.start();
            other.start();
            await(together);
            for (int spin = random.nextInt(2000); spin > 0; spin--) {
                Thread.onSpinWait();
            }
            left.addAndGet(assignment.close());
            one.join();
            other.join();
            assertThat(left).hasValue(records);
            assertThat(assignment.inFlight()).isZero();
            assertThat(assignment.running()).isZero();
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
