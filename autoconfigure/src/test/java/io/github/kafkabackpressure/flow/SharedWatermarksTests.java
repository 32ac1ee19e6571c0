package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SharedWatermarksTests {

    private final SharedWatermarks marks = new SharedWatermarks(new Watermarks(10, 5));

    @Test
    void onePausesAllUntilTheLowWatermark() {
        assertThat(marks.pauses(9)).isFalse();
        assertThat(marks.pauses(10)).isTrue();
        assertThat(marks.pauses(6))
                .as("another one, which was not paused before")
                .isTrue();
        assertThat(marks.pauses(5)).isFalse();
        assertThat(marks.pauses(9)).isFalse();
    }

    @Test
    void nobodyIsToBeResumedWhoIsNotPaused() {
        assertThat(marks.resumesAt(0)).isFalse();
        marks.pauses(10);
        assertThat(marks.resumesAt(6)).isFalse();
        assertThat(marks.resumesAt(5)).isTrue();
        marks.pauses(5);
        assertThat(marks.resumesAt(5)).isFalse();
    }
}
