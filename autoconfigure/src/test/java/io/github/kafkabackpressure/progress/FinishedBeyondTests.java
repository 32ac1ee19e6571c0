package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FinishedBeyondTests {

    private static final class Registered {

        final long offset;

        final long number;

        boolean finished;

        Registered(long offset, long number) {
            this.offset = offset;
            this.number = number;
        }
    }

    private static RememberedProgress progress(long offset, long... finished) {
        return new RememberedProgress(offset, -1, 0, OffsetRanges.of(finished));
    }

    @Test
    void whatIsFinishedBehindAnUnfinishedRecordIsTold() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.register(5, 10);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.NONE);
        tracker.finish(1, 3);
        tracker.finish(9);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 9, 14, 15));
        tracker.finish(0);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(14, 15));
    }

    @Test
    void holesCountAsFinishedOnceSomethingIs() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.register(5);
        long second = tracker.register(7);
        tracker.register(9);
        assertThat(tracker.finishedBeyond().isEmpty()).isTrue();
        tracker.finish(second);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 9));
    }

    @Test
    void whatARewindDropsIsNotToldBeforeItIsFinishedAnew() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.register(5, 6);
        tracker.finish(1, 5);
        tracker.rewind(8);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 8));
        long again = tracker.register(8, 3);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 8));
        tracker.finish(again + 1);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 8, 9, 10));
    }

    @Test
    void whatIsRememberedIsToldUntilItIsRegistered() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.remember(progress(5, 6, 9, 20, 30));
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 9, 20, 30));
        assertThat(tracker.isRemembered(5)).isFalse();
        tracker.register(5);
        assertThat(tracker.isRemembered(6)).isTrue();
        tracker.finish(tracker.register(6));
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 9, 20, 30));
        tracker.finish(0);
        assertThat(tracker.frontier()).isEqualTo(7);
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(7, 9, 20, 30));
        assertThat(tracker.isRemembered(9)).isFalse();
        assertThat(tracker.isRemembered(25)).isTrue();
        assertThat(tracker.isRemembered(30)).isFalse();
        assertThat(tracker.remembers()).isFalse();
    }

    @Test
    void aRewindForgetsWhatIsRememberedAtOrPastItsTarget() {
        OffsetTracker tracker = new OffsetTracker(-1);
        tracker.remember(progress(5, 6, 9, 20, 30));
        tracker.rewind(25); // forward
        assertThat(tracker.finishedBeyond()).isEqualTo(OffsetRanges.of(6, 9, 20, 25));
        tracker.rewind(3);
        assertThat(tracker.remembers()).isFalse();
        assertThat(tracker.frontier()).isEqualTo(3);
    }

    @Test
    void agreesWithTheNaiveModelWhateverIsSoughtFinishedOrRemembered() {
        for (int seed = 0; seed < Rounds.of(400); seed++) {
            Random random = new Random(seed);
            OffsetTracker tracker = new OffsetTracker(-1);
            List<Registered> all = new ArrayList<>();
            long offset = random.nextInt(50);
            OffsetRanges remembered = OffsetRanges.NONE;
            if (random.nextBoolean()) {
                OffsetRanges.Builder ranges = new OffsetRanges.Builder();
                long at = offset;
                for (int range = 0; range < 20; range++) {
                    at += 1 + random.nextInt(40);
                    ranges.add(at, at + 3);
                    at += 3;
                }
                remembered = ranges.build();
                tracker.remember(new RememberedProgress(offset, -1, 0, remembered));
            }
            for (int step = 0; step < 500; step++) {
                int what = random.nextInt(20);
                if (what < 12) {
                    offset += random.nextInt(6) == 0 ? random.nextInt(4) : 0;
                    boolean done = tracker.isRemembered(offset);
                    assertThat(done).isEqualTo(remembered.contains(offset));
                    Registered record = new Registered(offset, tracker.register(offset));
                    all.add(record);
                    if (done) {
                        record.finished = true;
                        tracker.finish(record.number);
                    }
                    offset++;
                } else if (what < 19 && !all.isEmpty()) {
                    Registered record = all.get(all.size() - 1 - random.nextInt(Math.min(all.size(), 60)));
                    record.finished = true;
                    tracker.finish(record.number);
                } else if (!all.isEmpty()) {
                    long target = Math.max(0, offset - random.nextInt(80));
                    tracker.rewind(target);
                    all.removeIf(record -> record.offset >= target);
                    remembered = remembered.below(target);
                    offset = Math.min(offset, target);
                }
                check(tracker, all, remembered, offset, "seed " + seed + ", step " + step);
            }
        }
    }

    private static void check(
            OffsetTracker tracker, List<Registered> all, OffsetRanges remembered, long position, String when) {
        OffsetRanges told = tracker.finishedBeyond();
        long frontier = tracker.frontier();
        for (Registered record : all) {
            if (record.offset >= frontier) {
                assertThat(told.contains(record.offset)).as(when).isEqualTo(record.finished);
            }
        }
        for (long offset = position; offset < position + 100; offset++) {
            assertThat(told.contains(offset)).as(when).isEqualTo(remembered.contains(offset));
        }
        long unfinished = all.stream().filter(record -> !record.finished).count();
        assertThat(tracker.unfinished()).as(when).isEqualTo(unfinished);
        assertThat(told.isEmpty() || told.from(0) >= frontier).as(when).isTrue();
        if (!told.isEmpty()) {
            String text = CommitMetadata.encode(new RememberedProgress(frontier, 1, 1, told), Integer.MAX_VALUE);
            assertThat((long) text.length()).as(when).isLessThanOrEqualTo(tracker.mostCharacters(0));
        }
    }
}
