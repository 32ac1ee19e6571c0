package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OffsetTrackerTests {

    /** The records that a fresh tracker has bits for; one more makes it grow. */
    private static final int INITIAL_RECORDS = 1024;

    @Test
    void knowsNothingBeforeTheFirstPoll() {
        OffsetTracker tracker = new OffsetTracker(-1);

        assertThat(tracker.frontier()).isEqualTo(-1);
        assertThat(tracker.position()).isEqualTo(-1);
        assertThat(tracker.isDrained()).isTrue();
        assertThat(tracker.span()).isZero();
    }

    @Test
    void theFrontierIsTheFirstUnfinishedRecord() {
        OffsetTracker tracker = new OffsetTracker(10);
        long first = tracker.register(10);
        long second = tracker.register(11);
        long third = tracker.register(12);

        tracker.finish(second);
        assertThat(tracker.frontier()).isEqualTo(10);
        tracker.finish(first);
        assertThat(tracker.frontier()).isEqualTo(12);
        assertThat(tracker.span()).isEqualTo(1);
        tracker.finish(third);
        assertThat(tracker.frontier()).isEqualTo(13);
        assertThat(tracker.isDrained()).isTrue();
    }

    @Test
    void holesDoNotStallTheFrontier() {
        OffsetTracker tracker = new OffsetTracker(0);
        long first = tracker.register(3);
        long second = tracker.register(7);
        long third = tracker.register(1_000_000_000_000L);

        tracker.finish(first);
        assertThat(tracker.frontier()).isEqualTo(7);
        tracker.finish(second);
        assertThat(tracker.frontier()).isEqualTo(1_000_000_000_000L);
        tracker.finish(third);
        assertThat(tracker.frontier()).isEqualTo(1_000_000_000_001L);
    }

    @Test
    void aDrainedPartitionStandsWhereTheConsumerStands() {
        OffsetTracker tracker = new OffsetTracker(-1);
        long only = tracker.register(5);
        tracker.moveTo(9); // a transaction marker and an aborted batch follow the record

        assertThat(tracker.frontier()).isEqualTo(5);
        tracker.finish(only);
        assertThat(tracker.frontier()).isEqualTo(9);
        tracker.moveTo(6);
        assertThat(tracker.frontier()).as("a position never goes back").isEqualTo(9);
    }

    @Test
    void aHundredThousandFinishedRecordsWaitBehindOne() {
        OffsetTracker tracker = new OffsetTracker(0);
        long stuck = tracker.register(0);
        for (int i = 1; i <= 100_000; i++) {
            tracker.finish(tracker.register(2L * i));
        }

        assertThat(tracker.frontier()).isZero();
        assertThat(tracker.span()).isEqualTo(100_001);
        tracker.finish(stuck);
        assertThat(tracker.frontier()).isEqualTo(200_001);
        assertThat(tracker.isDrained()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 63, 64, 65, 127, 500, 1023})
    void growsWhereverTheRingIsCut(int before) {
        OffsetTracker tracker = new OffsetTracker(0);
        Model model = new Model(0);
        for (int i = 0; i < before; i++) { // moves the head to any place within a word and within the ring
            model.register(tracker, i);
        }
        model.finishAll(tracker);
        for (int i = 0; i < INITIAL_RECORDS; i++) {
            model.register(tracker, before + i);
        }
        for (int i = 1; i < INITIAL_RECORDS; i += 3) {
            model.finish(tracker, before + i);
        }
        for (int i = INITIAL_RECORDS; i < INITIAL_RECORDS + 70; i++) { // the first of these makes it grow
            model.register(tracker, before + i);
        }
        model.check(tracker);
        for (int i = INITIAL_RECORDS + 69; i >= 0; i--) { // the first record last: everything depends on the bits kept
            if (i % 3 != 1 || i >= INITIAL_RECORDS) {
                model.finish(tracker, before + i);
            }
        }
        assertThat(tracker.isDrained()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 40, 700, 3000})
    void agreesWithTheNaiveModel(int spread) {
        for (int seed = 0; seed < Rounds.of(20); seed++) {
            Random random = new Random(seed);
            OffsetTracker tracker = new OffsetTracker(-1);
            Model model = new Model(-1);
            long offset = random.nextInt(1000);
            for (int step = 0; step < 6000; step++) {
                if (model.unfinished.size() < random.nextInt(spread) + 1) {
                    if (random.nextInt(10) == 0) {
                        offset += random.nextInt(5);
                    }
                    if (random.nextInt(4) == 0) {
                        int count = random.nextInt(150) + 1;
                        model.register(tracker, offset, count);
                        offset += count;
                    } else {
                        model.register(tracker, offset++);
                    }
                } else if (random.nextInt(50) == 0) {
                    offset += random.nextInt(3);
                    model.moveTo(tracker, offset);
                } else if (random.nextInt(8) == 0) {
                    model.finishRun(tracker, model.anyUnfinished(random), random.nextInt(150) + 1);
                } else {
                    model.finish(tracker, model.anyUnfinished(random));
                }
                model.check(tracker);
            }
            model.finishAll(tracker);
            assertThat(tracker.isDrained()).isTrue();
        }
    }

    /** Keeps every record for ever and looks through all of them. */
    private static final class Model {

        private final List<Long> offsets = new ArrayList<>();

        private final BitSet finished = new BitSet();

        private final List<Integer> unfinished = new ArrayList<>();

        private long position;

        Model(long position) {
            this.position = position;
        }

        void register(OffsetTracker tracker, long offset) {
            assertThat(tracker.register(offset)).isEqualTo(offsets.size());
            unfinished.add(offsets.size());
            offsets.add(offset);
            position = offset + 1;
        }

        void register(OffsetTracker tracker, long offset, int count) {
            assertThat(tracker.register(offset, count)).isEqualTo(offsets.size());
            for (int i = 0; i < count; i++) {
                unfinished.add(offsets.size());
                offsets.add(offset + i);
            }
            position = offset + count;
        }

        /** Finishes a record and those after it that are unfinished too, in one call. */
        void finishRun(OffsetTracker tracker, int number, int longest) {
            int count = 0;
            while (count < longest && number + count < offsets.size() && !finished.get(number + count)) {
                finished.set(number + count);
                unfinished.remove(Collections.binarySearch(unfinished, number + count));
                count++;
            }
            tracker.finish(number, count);
        }

        int anyUnfinished(Random random) {
            // Mostly old ones, as in life, so that the frontier moves; now and then any.
            int bound = random.nextInt(4) == 0 ? unfinished.size() : Math.min(unfinished.size(), 8);
            return unfinished.get(random.nextInt(bound));
        }

        void finish(OffsetTracker tracker, int number) {
            tracker.finish(number);
            finished.set(number);
            unfinished.remove(Collections.binarySearch(unfinished, number));
        }

        void finishAll(OffsetTracker tracker) {
            List.copyOf(unfinished).forEach(number -> finish(tracker, number));
            check(tracker);
        }

        void moveTo(OffsetTracker tracker, long next) {
            tracker.moveTo(next);
            position = Math.max(position, next);
        }

        void check(OffsetTracker tracker) {
            int first = finished.nextClearBit(0);
            boolean drained = first >= offsets.size();
            assertThat(tracker.isDrained()).isEqualTo(drained);
            assertThat(tracker.frontier()).isEqualTo(drained ? position : (long) offsets.get(first));
            assertThat(tracker.position()).isEqualTo(position);
            assertThat(tracker.span()).isEqualTo(offsets.size() - first);
        }
    }
}
