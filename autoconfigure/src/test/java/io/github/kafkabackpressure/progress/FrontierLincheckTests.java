package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Tracker and mailbox together: the frontier is never past an unfinished record, and not behind those that were
 * finished before the consumer looked. Three records are in work, with a hole after the first.
 */
@Tag("interleavings")
class FrontierLincheckTests {

    private static final long[] OFFSETS = {0, 5, 6};

    @Test
    void noInterleavingPutsTheFrontierWrong() {
        Interleavings.modelCheck(ByMailbox.class, AlwaysRight.class);
    }

    @Test
    void stressPutsTheFrontierNeverWrong() {
        Interleavings.stress(ByMailbox.class, AlwaysRight.class);
    }

    @Test
    void workersThatTellTheTrackerThemselvesAreCaught() {
        Interleavings.assertCaught(WithoutMailbox.class, AlwaysRight.class);
    }

    @Test
    void aCompletionThatIsPutBeforeTheRecordIsFinishedIsCaught() {
        Interleavings.assertCaught(PutTooEarly.class, AlwaysRight.class);
    }

    /** What must be seen of the consumer whichever way workers come in between. */
    public static class AlwaysRight {

        public void finishFirst() {}

        public void finishSecond() {}

        public void finishThird() {}

        public String wrongFrontier() {
            return "";
        }
    }

    /** The records and the consumer's part. */
    abstract static class Partition {

        static final int FINISHED = 1;

        static final int KNOWN_TO_BE_FINISHED = 2;

        final OffsetTracker tracker = new OffsetTracker(-1);

        final CompletionMailbox mailbox = new CompletionMailbox();

        final AtomicIntegerArray states = new AtomicIntegerArray(OFFSETS.length);

        Partition() {
            for (long offset : OFFSETS) {
                tracker.register(offset);
            }
        }

        String look() {
            long due = OFFSETS[2] + 1;
            for (int number = OFFSETS.length - 1; number >= 0; number--) {
                if (states.get(number) != KNOWN_TO_BE_FINISHED) {
                    due = OFFSETS[number];
                }
            }
            for (LaneTask task = mailbox.takeAll(); task != null; task = CompletionMailbox.next(task)) {
                tracker.finish(((TestTask) task).number);
            }
            long frontier = tracker.frontier();
            for (int number = 0; number < OFFSETS.length; number++) {
                if (OFFSETS[number] < frontier && states.get(number) < FINISHED) {
                    return frontier + " is past the unfinished record " + OFFSETS[number];
                }
            }
            return frontier < due ? frontier + " is behind " + due : "";
        }
    }

    /** As the product does it. */
    public static class ByMailbox extends Partition {

        private void finish(int number) {
            states.set(number, FINISHED);
            mailbox.put(new TestTask(number));
            states.set(number, KNOWN_TO_BE_FINISHED);
        }

        @Operation(runOnce = true)
        public void finishFirst() {
            finish(0);
        }

        @Operation(runOnce = true)
        public void finishSecond() {
            finish(1);
        }

        @Operation(runOnce = true)
        public void finishThird() {
            finish(2);
        }

        @Operation(nonParallelGroup = "consumer")
        public String wrongFrontier() {
            return look();
        }
    }

    /** Broken: the tracker is for the consumer's thread only. */
    public static class WithoutMailbox extends Partition {

        private void finish(int number) {
            states.set(number, FINISHED);
            tracker.finish(number);
            states.set(number, KNOWN_TO_BE_FINISHED);
        }

        @Operation(runOnce = true)
        public void finishFirst() {
            finish(0);
        }

        @Operation(runOnce = true)
        public void finishSecond() {
            finish(1);
        }

        @Operation(runOnce = true)
        public void finishThird() {
            finish(2);
        }

        @Operation(nonParallelGroup = "consumer")
        public String wrongFrontier() {
            return look();
        }
    }

    /** Broken: the consumer hears of the end before it has come. */
    public static class PutTooEarly extends Partition {

        private void finish(int number) {
            mailbox.put(new TestTask(number));
            states.set(number, FINISHED);
            states.set(number, KNOWN_TO_BE_FINISHED);
        }

        @Operation(runOnce = true)
        public void finishFirst() {
            finish(0);
        }

        @Operation(runOnce = true)
        public void finishSecond() {
            finish(1);
        }

        @Operation(runOnce = true)
        public void finishThird() {
            finish(2);
        }

        @Operation(nonParallelGroup = "consumer")
        public String wrongFrontier() {
            return look();
        }
    }
}
