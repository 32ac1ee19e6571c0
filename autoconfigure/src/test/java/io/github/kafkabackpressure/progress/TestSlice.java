package io.github.kafkabackpressure.progress;

/** A slice of numbered tasks. */
final class TestSlice extends Slice {

    TestSlice(int size) {
        super(size);
    }

    @Override
    protected LaneTask taskOf(int index) {
        return new TestTask(index);
    }

    /** The number of the record that ran when it was broken up; -1 if there is none. */
    int currentNumber() {
        TestTask current = (TestTask) current();
        return current == null ? -1 : current.number;
    }
}
