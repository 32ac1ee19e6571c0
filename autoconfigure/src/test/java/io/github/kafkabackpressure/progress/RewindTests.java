package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Seeks, as the tracker and those who ask what was dropped see them. */
class RewindTests {

    private final OffsetTracker tracker = new OffsetTracker(-1);

    private DroppedRecords dropped = DroppedRecords.NONE;

    private void rewind(long offset) {
        long from = tracker.rewind(offset);
        if (from < tracker.tail()) {
            dropped = dropped.with(from, tracker.tail(), tracker.head());
        }
    }

    @Test
    void whatIsUnfinishedBelowTheTargetHoldsTheFrontier() {
        tracker.register(0, 10);
        tracker.finish(0, 3);
        tracker.finish(4, 6);
        rewind(6);

        assertThat(tracker.frontier()).isEqualTo(3);
        assertThat(tracker.position()).isEqualTo(6);
        tracker.finish(3);
        assertThat(tracker.frontier()).isEqualTo(6);
        assertThat(dropped.contains(5)).isFalse();
    }

    @Test
    void whatIsFinishedPastTheTargetIsToBeFinishedAgain() {
        tracker.register(0, 10);
        tracker.finish(0, 10);
        rewind(4);
        assertThat(tracker.frontier()).isEqualTo(4);

        long again = tracker.register(4, 3);
        tracker.finish(again + 1, 2);
        assertThat(tracker.frontier()).isEqualTo(4);
        tracker.finish(again);
        assertThat(tracker.frontier()).isEqualTo(7);
    }

    @Test
    void theLateEndOfADroppedRecordChangesNothing() {
        tracker.register(0, 70);
        rewind(2);
        long again = tracker.register(2, 5);
        for (long number = 2; number < 70; number++) {
            assertThat(dropped.contains(number)).isTrue();
            tracker.finish(number);
        }
        assertThat(tracker.frontier()).isZero();
        tracker.finish(0, 2);
        assertThat(tracker.frontier()).isEqualTo(2);
        for (long number = 2; number < 70; number++) {
            tracker.finish(number);
        }
        assertThat(tracker.frontier()).isEqualTo(2);
        assertThat(dropped.contains(again)).isFalse();
    }

    @Test
    void theLateEndOfADroppedRunChangesNothing() {
        tracker.register(0, 70);
        rewind(0);
        long again = tracker.register(0, 70);
        tracker.register(70, 950); // as many as the ring of bits has room for

        tracker.finish(0, 70);

        assertThat(tracker.unfinished()).isEqualTo(1020);
        assertThat(tracker.finishedBeyond().isEmpty()).isTrue();
        assertThat(tracker.frontier()).isZero();
        tracker.finish(again, 70);
        assertThat(tracker.frontier()).isEqualTo(70);
    }

    @Test
    void aRunWhoseFirstRecordsHaveEndedBeforeEndsWithTheOthers() {
        tracker.register(0, 10);
        tracker.finish(0, 3);
        tracker.finish(0, 9);
        assertThat(tracker.frontier()).isEqualTo(9);
        assertThat(tracker.unfinished()).isEqualTo(1);
    }

    @Test
    void aTargetPastAllThatWasPolledDropsNothing() {
        tracker.register(0, 10);
        rewind(10);
        rewind(1000);

        assertThat(tracker.position()).isEqualTo(10);
        assertThat(tracker.frontier()).isZero();
        assertThat(dropped).isSameAs(DroppedRecords.NONE);
    }

    @Test
    void aTargetInTheHoleBehindTheLastRecordDropsNothing() {
        tracker.register(0, 10);
        tracker.moveTo(20);
        rewind(15);

        assertThat(tracker.position()).isEqualTo(15);
        assertThat(dropped).isSameAs(DroppedRecords.NONE);
        tracker.finish(0, 10);
        assertThat(tracker.frontier()).isEqualTo(15);
    }

    /** A record as the model knows it. */
    private static final class Registered {

        private final long number;

        private final long offset;

        private boolean finished;

        private boolean isDropped;

        private Registered(long number, long offset) {
            this.number = number;
            this.offset = offset;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 40})
    void agreesWithTheNaiveModel(int longestHole) {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            OffsetTracker subject = new OffsetTracker(-1);
            DroppedRecords asked = DroppedRecords.NONE;
            List<Registered> all = new ArrayList<>();
            long position = 0;
            for (int step = 0; step < 300; step++) {
                int action = random.nextInt(10);
                if (action < 4) {
                    int count = 1 + random.nextInt(5);
                    for (int i = 0; i < count; i++) {
                        long offset = position + random.nextInt(longestHole);
                        all.add(new Registered(subject.register(offset), offset));
                        position = offset + 1;
                    }
                } else if (action < 9) {
                    List<Registered> unfinished =
                            all.stream().filter(record -> !record.finished).toList();
                    if (!unfinished.isEmpty()) {
                        // The oldest mostly, so that the frontier moves; dropped ones end like the others.
                        Registered one =
                                unfinished.get(random.nextInt(Math.min(1 + random.nextInt(20), unfinished.size())));
                        one.finished = true;
                        subject.finish(one.number);
                    }
                } else {
                    long target = Math.max(0, position - random.nextInt(30));
                    long from = subject.rewind(target);
                    if (from < subject.tail()) {
                        asked = asked.with(from, subject.tail(), subject.head());
                    }
                    all.stream().filter(record -> record.offset >= target).forEach(record -> record.isDropped = true);
                    position = target;
                }
                check(subject, asked, all, position, "seed " + seed + ", step " + step);
            }
        }
    }

    private static void check(
            OffsetTracker subject, DroppedRecords asked, List<Registered> all, long position, String when) {
        long frontier = all.stream()
                .filter(record -> !record.finished && !record.isDropped)
                .mapToLong(record -> record.offset)
                .min()
                .orElse(position);
        if (!all.isEmpty()) {
            assertThat(subject.frontier()).as(when).isEqualTo(frontier);
            assertThat(subject.position()).as(when).isEqualTo(position);
        }
        for (Registered record : all) {
            if (!record.finished) {
                assertThat(asked.contains(record.number)).as(when).isEqualTo(record.isDropped);
            }
        }
    }
}
