package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeyLanesTests {

    private final KeyLanes lanes = new KeyLanes();

    private int numbers;

    /** A key whose hash the test chooses. */
    private record Key(int id, int hash) {

        @Override
        public int hashCode() {
            return hash;
        }
    }

    private TestTask task(Object key) {
        return new TestTask(numbers++, key);
    }

    @Test
    void aTaskWaitsForTheOneBeforeItWithAnEqualKey() {
        TestTask first = task(new String("key"));
        TestTask second = task(new String("key"));

        assertThat(lanes.append(first)).isFalse();
        assertThat(lanes.append(second)).isTrue();
        assertThat(first.finish()).isSameAs(second);
    }

    @Test
    void keysWithOneHashShareALane() {
        assertThat(lanes.append(task(new Key(1, 7)))).isFalse();
        assertThat(lanes.append(task(new Key(2, 7)))).isTrue();
        assertThat(lanes.append(task(new Key(1, 8)))).isFalse();
    }

    @Test
    void aLaneWhoseLastTaskHasFinishedIsForgotten() {
        TestTask first = task("a");
        TestTask second = task("a");
        lanes.append(first);
        lanes.append(second);
        first.finish();
        lanes.finished(first);
        assertThat(lanes.size()).as("the second one is still in it").isEqualTo(1);
        assertThat(lanes.append(task("a"))).isTrue();

        TestTask other = task("b");
        lanes.append(other);
        other.finish();
        lanes.finished(other);
        assertThat(lanes.size()).isEqualTo(1);
        assertThat(lanes.append(task("b"))).isFalse();
    }

    @Test
    void aFinishedTaskThatIsNotKnownToBeSoHoldsNobodyUp() {
        TestTask first = task("a");
        lanes.append(first);
        first.finish();

        assertThat(lanes.append(task("a"))).isFalse();
        lanes.finished(first);
        assertThat(lanes.size()).isEqualTo(1);
    }

    /** With few hashes, runs of occupied places are long and wrap around the table's end. */
    @ParameterizedTest
    @CsvSource({"4, 1", "12, 3", "40, 5", "200, 16", "2000, 2000"})
    void agreesWithTheNaiveModel(int keys, int hashes) {
        for (int seed = 0; seed < Rounds.of(30); seed++) {
            Random random = new Random(seed);
            Model model = new Model();
            int base = random.nextInt();
            for (int step = 0; step < 3000; step++) {
                int id = random.nextInt(keys);
                int action = random.nextInt(3);
                if (action == 0 || model.running.isEmpty()) {
                    model.append(id == 0 ? null : new Key(id, base + id % hashes));
                } else if (action == 1) {
                    model.finishOne(random);
                } else {
                    model.takeInOne(random);
                }
            }
            model.finishAll(random);
            assertThat(model.lanes.size()).isZero();
        }
    }

    /** A queue for each key; what runs, and what has run but has not been taken in. */
    private static final class Model {

        private final KeyLanes lanes = new KeyLanes();

        private final Map<Object, ArrayDeque<TestTask>> queues = new HashMap<>();

        private final Map<Object, TestTask> lasts = new HashMap<>();

        private final List<TestTask> running = new ArrayList<>();

        private final List<TestTask> notTakenIn = new ArrayList<>();

        private int numbers;

        void append(Object key) {
            TestTask task = new TestTask(numbers++, key);
            ArrayDeque<TestTask> queue = queues.computeIfAbsent(Objects.hashCode(key), k -> new ArrayDeque<>());
            boolean waits = lanes.append(task);
            assertThat(waits).isEqualTo(!queue.isEmpty());
            queue.add(task);
            lasts.put(Objects.hashCode(key), task);
            if (!waits) {
                running.add(task);
            }
            check();
        }

        void finishOne(Random random) {
            TestTask task = running.remove(random.nextInt(running.size()));
            ArrayDeque<TestTask> queue = queues.get(Objects.hashCode(task.laneKey()));
            assertThat(queue.poll()).isSameAs(task);
            LaneTask next = task.finish();
            assertThat(next).isSameAs(queue.peek());
            if (next != null) {
                running.add((TestTask) next);
            }
            notTakenIn.add(task);
        }

        void takeInOne(Random random) {
            if (!notTakenIn.isEmpty()) {
                TestTask task = notTakenIn.remove(random.nextInt(notTakenIn.size()));
                lanes.finished(task);
                lasts.remove(Objects.hashCode(task.laneKey()), task);
                check();
            }
        }

        void finishAll(Random random) {
            while (!running.isEmpty()) {
                finishOne(random);
            }
            while (!notTakenIn.isEmpty()) {
                takeInOne(random);
            }
        }

        void check() {
            assertThat(lanes.size()).isEqualTo(lasts.size());
        }
    }
}
