package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class CompletionMailboxTests {

    private final CompletionMailbox mailbox = new CompletionMailbox();

    private List<Integer> takeAll() {
        List<Integer> numbers = new ArrayList<>();
        for (LaneTask task = mailbox.takeAll(); task != null; task = CompletionMailbox.next(task)) {
            numbers.add(((TestTask) task).number);
        }
        return numbers;
    }

    @Test
    void givesNothingWhenNothingIsThere() {
        assertThat(mailbox.isEmpty()).isTrue();
        assertThat(mailbox.takeAll()).isNull();
    }

    @Test
    void givesEverythingOnce() {
        mailbox.put(new TestTask(1));
        mailbox.put(new TestTask(2));
        mailbox.put(new TestTask(3));

        assertThat(mailbox.isEmpty()).isFalse();
        assertThat(takeAll()).containsExactly(3, 2, 1);
        assertThat(mailbox.isEmpty()).isTrue();
        assertThat(takeAll()).isEmpty();
    }

    @Test
    void aTaskThatWasTakenHoldsOnToNoOther() {
        TestTask first = new TestTask(1);
        TestTask second = new TestTask(2);
        mailbox.put(first);
        mailbox.put(second);
        takeAll();

        assertThat(CompletionMailbox.next(second)).isNull();
        mailbox.put(first);
        assertThat(takeAll()).containsExactly(1);
    }

    @Test
    void losesAndDoublesNothingUnderContention() throws InterruptedException {
        int workers = 4;
        int each = 50_000;
        List<Thread> threads = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            int from = worker * each;
            threads.add(new Thread(() -> {
                for (int number = from; number < from + each; number++) {
                    mailbox.put(new TestTask(number));
                }
            }));
        }
        threads.forEach(Thread::start);
        BitSet seen = new BitSet();
        boolean last;
        do {
            last = threads.stream().noneMatch(Thread::isAlive); // before the look, so that nothing comes after it
            for (int number : takeAll()) {
                assertThat(seen.get(number)).as("taken twice").isFalse();
                seen.set(number);
            }
        } while (!last);
        assertThat(seen.cardinality()).isEqualTo(workers * each);
    }
}
