package io.github.kafkabackpressure.progress;

import java.util.Objects;

/** A task with a key and a number for tests. */
final class TestTask extends LaneTask {

    final int number;

    private final Object key;

    TestTask(int number) {
        this(number, null);
    }

    TestTask(int number, Object key) {
        this.number = number;
        this.key = key;
        setLane(Objects.hashCode(key));
    }

    Object laneKey() {
        return key;
    }

    @Override
    public String toString() {
        return "task " + number + " of lane " + key;
    }
}
