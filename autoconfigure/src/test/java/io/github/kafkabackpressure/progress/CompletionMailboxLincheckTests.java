package io.github.kafkabackpressure.progress;

import io.github.kafkabackpressure.Interleavings;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The mailbox is a stack that is only ever emptied as a whole. */
@Tag("interleavings")
class CompletionMailboxLincheckTests {

    @Test
    void noInterleavingLosesOrDoublesATask() {
        Interleavings.modelCheck(ProductMailbox.class, SequentialMailbox.class);
    }

    @Test
    void stressLosesAndDoublesNoTask() {
        Interleavings.stress(ProductMailbox.class, SequentialMailbox.class);
    }

    @Test
    void aMailboxThatIsReadAndThenEmptiedIsCaught() {
        Interleavings.assertCaught(ReadThenEmptiedMailbox.class, SequentialMailbox.class);
    }

    /** The mailbox under no contention. */
    public static class SequentialMailbox {

        private final Deque<Integer> tasks = new ArrayDeque<>();

        public void put(int number) {
            tasks.push(number);
        }

        public List<Integer> takeAll() {
            List<Integer> all = new ArrayList<>(tasks);
            tasks.clear();
            return all;
        }

        public boolean isEmpty() {
            return tasks.isEmpty();
        }
    }

    /** The product's mailbox. */
    @Param(name = "number", gen = IntGen.class, conf = "1:9")
    public static class ProductMailbox {

        private final CompletionMailbox mailbox = new CompletionMailbox();

        @Operation
        public void put(@Param(name = "number") int number) {
            mailbox.put(new TestTask(number));
        }

        @Operation(nonParallelGroup = "consumer")
        public List<Integer> takeAll() {
            List<Integer> all = new ArrayList<>();
            for (LaneTask task = mailbox.takeAll(); task != null; task = CompletionMailbox.next(task)) {
                all.add(((TestTask) task).number);
            }
            return all;
        }

        @Operation
        public boolean isEmpty() {
            return mailbox.isEmpty();
        }
    }

    /** Broken: what comes between reading the top and emptying the mailbox is lost. */
    @Param(name = "number", gen = IntGen.class, conf = "1:9")
    public static class ReadThenEmptiedMailbox {

        private final AtomicReference<LaneTask> top = new AtomicReference<>();

        @Operation
        public void put(@Param(name = "number") int number) {
            TestTask task = new TestTask(number);
            do {
                task.nextInMailbox = top.get();
            } while (!top.compareAndSet(task.nextInMailbox, task));
        }

        @Operation(nonParallelGroup = "consumer")
        public List<Integer> takeAll() {
            List<Integer> all = new ArrayList<>();
            for (LaneTask task = top.get(); task != null; task = CompletionMailbox.next(task)) {
                all.add(((TestTask) task).number);
            }
            top.set(null);
            return all;
        }

        @Operation
        public boolean isEmpty() {
            return top.get() == null;
        }
    }
}
