package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A seek while records are in work: two of three are past its target and come again. Whenever the three end, the frontier
 * is not past the first unless that is finished, and never past the target, since nobody finishes what comes again; and no
 * record begins that was dropped before.
 */
@Tag("interleavings")
class SeekLincheckTests {

    private static final long[] OFFSETS = {0, 5, 6};

    private static final long TARGET = 5;

    @Test
    void noInterleavingMakesADroppedRecordCount() {
        Interleavings.modelCheck(WithNewNumbers.class, AlwaysRight.class);
    }

    @Test
    void stressMakesNoDroppedRecordCount() {
        Interleavings.stress(WithNewNumbers.class, AlwaysRight.class);
    }

    @Test
    void numbersThatAreGivenTwiceAreCaught() {
        Interleavings.assertCaught(WithTheSameNumbers.class, AlwaysRight.class);
    }

    /** What must be seen whichever way workers come in between. */
    public static class AlwaysRight {

        public String handleFirst() {
            return "";
        }

        public String handleSecond() {
            return "";
        }

        public String handleThird() {
            return "";
        }

        public String wrongFrontier() {
            return "";
        }

        public void seek() {}
    }

    /** The records, their workers and the consumer's part. */
    abstract static class Partition {

        OffsetTracker tracker = new OffsetTracker(-1);

        final CompletionMailbox mailbox = new CompletionMailbox();

        final AtomicIntegerArray finished = new AtomicIntegerArray(OFFSETS.length);

        volatile DroppedRecords dropped = DroppedRecords.NONE;

        volatile boolean sought;

        Partition() {
            for (long offset : OFFSETS) {
                tracker.register(offset);
            }
        }

        String handle(int number) {
            boolean wasSought = sought;
            if (dropped.contains(number)) {
                return "";
            }
            finished.set(number, 1);
            mailbox.put(new TestTask(number));
            return wasSought && OFFSETS[number] >= TARGET ? OFFSETS[number] + " was dropped and has begun" : "";
        }

        String look() {
            for (LaneTask task = mailbox.takeAll(); task != null; task = CompletionMailbox.next(task)) {
                tracker.finish(((TestTask) task).number);
            }
            long frontier = tracker.frontier();
            for (int number = 0; number < OFFSETS.length; number++) {
                boolean comesAgain = sought && OFFSETS[number] >= TARGET;
                if (OFFSETS[number] < frontier && (comesAgain || finished.get(number) == 0)) {
                    return frontier + " is past the unfinished record " + OFFSETS[number];
                }
            }
            return "";
        }
    }

    /** As the product does it. */
    public static class WithNewNumbers extends Partition {

        @Operation(runOnce = true)
        public String handleFirst() {
            return handle(0);
        }

        @Operation(runOnce = true)
        public String handleSecond() {
            return handle(1);
        }

        @Operation(runOnce = true)
        public String handleThird() {
            return handle(2);
        }

        @Operation(nonParallelGroup = "consumer")
        public String wrongFrontier() {
            return look();
        }

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public void seek() {
            long from = tracker.rewind(TARGET);
            if (from < tracker.tail()) {
                dropped = dropped.with(from, tracker.tail(), tracker.head());
            }
            tracker.register(OFFSETS[1]);
            tracker.register(OFFSETS[2]);
            sought = true;
        }
    }

    /** Broken: what comes again is known by the numbers of what was dropped. */
    public static class WithTheSameNumbers extends Partition {

        @Operation(runOnce = true)
        public String handleFirst() {
            return handle(0);
        }

        @Operation(runOnce = true)
        public String handleSecond() {
            return handle(1);
        }

        @Operation(runOnce = true)
        public String handleThird() {
            return handle(2);
        }

        @Operation(nonParallelGroup = "consumer")
        public String wrongFrontier() {
            return look();
        }

        @Operation(runOnce = true, nonParallelGroup = "consumer")
        public void seek() {
            tracker = new OffsetTracker(-1);
            for (long offset : OFFSETS) {
                tracker.register(offset);
            }
            dropped = DroppedRecords.NONE.with(1, 3, 0);
            sought = true;
        }
    }
}
