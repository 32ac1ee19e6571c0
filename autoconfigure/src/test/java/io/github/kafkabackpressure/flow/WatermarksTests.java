package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WatermarksTests {

    @Test
    void pausesAtTheHighWatermarkAndResumesAtTheLowOne() {
        Watermarks marks = new Watermarks(10, 5);

        assertThat(marks.pauses(false, 9)).isFalse();
        assertThat(marks.pauses(false, 10)).isTrue();
        assertThat(marks.pauses(true, 6)).isTrue();
        assertThat(marks.pauses(true, 5)).isFalse();
    }

    @Test
    void keepsItsStateInBetween() {
        Watermarks marks = new Watermarks(10, 5);
        for (long level = 6; level < 10; level++) {
            assertThat(marks.pauses(false, level)).isFalse();
            assertThat(marks.pauses(true, level)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"1000, 0.5, 500", "1000, 0, 0", "1000, 1, 999", "1, 0.5, 0", "1, 1, 0", "3, 0.5, 1"})
    void theLowWatermarkIsAShareButBelowTheHighOne(long limit, double resumeAt, long low) {
        assertThat(Watermarks.of(limit, resumeAt)).isEqualTo(new Watermarks(limit, low));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "10, 10", "10, 11", "10, -1"})
    void refusesLevelsThatCannotWork(long high, long low) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Watermarks(high, low))
                .withMessageContaining(low + ", " + high);
    }
}
