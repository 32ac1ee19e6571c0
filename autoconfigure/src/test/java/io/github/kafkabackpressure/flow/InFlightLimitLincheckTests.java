package io.github.kafkabackpressure.flow;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The bound is strict, and whoever waits for room is woken when there is some. */
@Tag("interleavings")
class InFlightLimitLincheckTests {

    private static final Watermarks MARKS = new Watermarks(4, 3);

    @Test
    void noInterleavingExceedsTheLimit() {
        Interleavings.modelCheck(ProductLimit.class, SequentialLimit.class);
    }

    @Test
    void stressDoesNotExceedTheLimit() {
        Interleavings.stress(ProductLimit.class, SequentialLimit.class);
    }

    @Test
    void aLimitThatChecksBeforeItActsIsCaught() {
        Interleavings.assertCaught(CheckThenActLimit.class, SequentialLimit.class);
    }

    @Test
    void noInterleavingLeavesAConsumerWaitingForRoomThatThereIs() {
        Interleavings.modelCheck(Waiting.class, NeverStuck.class);
    }

    @Test
    void stressLeavesNoConsumerWaitingForRoomThatThereIs() {
        Interleavings.stress(Waiting.class, NeverStuck.class);
    }

    @Test
    void aConsumerThatDoesNotLookOnceMoreIsCaught() {
        Interleavings.assertCaught(WaitingWithoutSecondLook.class, NeverStuck.class);
    }

    @Test
    void aConsumerThatGivesRoomBackInSilenceIsCaught() {
        Interleavings.assertCaught(SettlingInSilence.class, NeverStuck.class);
    }

    /** One count under no contention. */
    public static class SequentialLimit {

        private long taken;

        public boolean tryReserve(int records) {
            if (taken + records > MARKS.high()) {
                return false;
            }
            taken += records;
            return true;
        }

        public void settleWithOneLess(int records) {
            taken--;
        }

        public void release() {
            taken--;
        }
    }

    /** The product's limit. */
    @Param(name = "records", gen = IntGen.class, conf = "1:3")
    public static class ProductLimit {

        private final InFlightLimit limit = new InFlightLimit(MARKS);

        @Operation
        public boolean tryReserve(@Param(name = "records") int records) {
            return limit.tryReserve(records);
        }

        @Operation
        public void settleWithOneLess(@Param(name = "records") int records) {
            limit.settle(records, records - 1);
        }

        @Operation
        public void release() {
            limit.release(1);
        }
    }

    /** Broken: looks whether there is room and then takes it. */
    @Param(name = "records", gen = IntGen.class, conf = "1:3")
    public static class CheckThenActLimit {

        private final AtomicLong taken = new AtomicLong();

        @Operation
        public boolean tryReserve(@Param(name = "records") int records) {
            if (taken.get() + records > MARKS.high()) {
                return false;
            }
            taken.addAndGet(records);
            return true;
        }

        @Operation
        public void settleWithOneLess(@Param(name = "records") int records) {
            taken.addAndGet(-1);
        }

        @Operation
        public void release() {
            taken.addAndGet(-1);
        }
    }

    /** What must be seen of the waiting consumer whichever way the others come in between. */
    public static class NeverStuck {

        public void finishOne() {}

        public void pollInVain() {}

        public boolean staysWaiting() {
            return false;
        }
    }

    /** A consumer that finds no room, workers that make some, and another consumer whose polls bring nothing. */
    abstract static class Consumers {

        final InFlightLimit limit = new InFlightLimit(MARKS);

        private final AtomicInteger unfinished = new AtomicInteger(3);

        /** Others that are in the middle of something, and might still wake the consumer. */
        private final AtomicInteger others = new AtomicInteger();

        volatile boolean woken;

        Consumers() {
            limit.tryReserve(3);
            limit.settle(3, 3);
        }

        void doFinishOne() {
            others.incrementAndGet();
            if (unfinished.getAndDecrement() > 0) {
                limit.release(1);
                wakeWaiting();
            }
            others.decrementAndGet();
        }

        void doPollInVain(boolean looksAfterwards) {
            others.incrementAndGet();
            if (limit.tryReserve(1)) {
                limit.settle(1, 0);
                if (looksAfterwards) {
                    wakeWaiting();
                }
            }
            others.decrementAndGet();
        }

        private void wakeWaiting() {
            if (limit.shouldWakeWaiting(1)) {
                woken = true;
            }
        }

        boolean doWait(boolean looksOnceMore) {
            boolean stuck = false;
            if (!limit.hasRoomFor(1)) {
                limit.startWaiting(this);
                if (!looksOnceMore || !limit.hasRoomFor(1)) {
                    boolean thereIsRoom = limit.hasRoomFor(1);
                    boolean nobodyWillWake = others.get() == 0;
                    stuck = thereIsRoom && nobodyWillWake && !woken;
                }
                limit.stopWaiting(this);
                woken = false;
            }
            return stuck;
        }
    }

    /** As the product does it. */
    public static class Waiting extends Consumers {

        @Operation
        public void finishOne() {
            doFinishOne();
        }

        @Operation
        public void pollInVain() {
            doPollInVain(true);
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean staysWaiting() {
            return doWait(true);
        }
    }

    /** Broken: does not look for room after it has said that it waits. */
    public static class WaitingWithoutSecondLook extends Consumers {

        @Operation
        public void finishOne() {
            doFinishOne();
        }

        @Operation
        public void pollInVain() {
            doPollInVain(true);
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean staysWaiting() {
            return doWait(false);
        }
    }

    /** Broken: who gives back room that a poll did not need wakes nobody. */
    public static class SettlingInSilence extends Consumers {

        @Operation
        public void finishOne() {
            doFinishOne();
        }

        @Operation
        public void pollInVain() {
            doPollInVain(false);
        }

        @Operation(nonParallelGroup = "consumer")
        public boolean staysWaiting() {
            return doWait(true);
        }
    }
}
