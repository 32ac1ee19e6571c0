package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.progress.Slice.Side;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SliceTests {

    private final Slice slice = new TestSlice(3);

    @Test
    void claimsOneRecordAfterTheOtherUntilItIsOver() {
        assertThat(slice.claim(false)).isZero();
        assertThat(slice.finished()).isZero();
        assertThat(slice.claim(false)).isEqualTo(1);
        assertThat(slice.finished()).isEqualTo(1);
        assertThat(slice.claim(false)).isEqualTo(2);
        assertThat(slice.isOver()).isFalse();
        assertThat(slice.claim(false)).isEqualTo(Slice.OVER);

        assertThat(slice.isOver()).isTrue();
        assertThat(slice.finished()).isEqualTo(3);
        assertThat(slice.claimed()).isEqualTo(3);
        assertThat(slice.toAccount()).isEqualTo(3);
    }

    @Test
    void eachFinishedRecordIsAccountedForOnce() {
        slice.claim(true);
        assertThat(slice.toAccount()).isZero();
        slice.claim(false);
        assertThat(slice.toAccount()).isZero();
        slice.claim(true);
        assertThat(slice.toAccount()).isEqualTo(2);
        slice.claim(false);
        assertThat(slice.toAccount()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource
    void brokenUpItEndsWithTheRecordThatRuns(Side side) {
        slice.claim(false);
        slice.claim(false);

        assertThat(slice.breakUp(side)).isEqualTo(1);
        assertThat(slice.isBrokenUp()).isTrue();
        assertThat(slice.claim(true)).isEqualTo(Slice.BROKEN_UP);
        assertThat(slice.finished()).isEqualTo(1);
        assertThat(slice.claimed()).isEqualTo(2);
        assertThat(((TestTask) slice.current()).number).isEqualTo(1);
        assertThat(slice.inLane()).isSameAs(slice.current());
    }

    @Test
    void whoBreaksItUpFirstSaysWhatRunsAndAccounts() {
        slice.claim(false);
        slice.claim(false);
        assertThat(slice.breakUp(Side.WORKER)).isEqualTo(1);
        LaneTask current = slice.current();

        assertThat(slice.breakUp(Side.CONSUMER)).isEqualTo(-1);
        assertThat(slice.current()).isSameAs(current);
    }

    @Test
    void brokenUpBeforeItBeginsItOnlyHoldsItsPlaceInTheLane() {
        assertThat(slice.breakUp(Side.CONSUMER)).isZero();
        assertThat(slice.claim(false)).isEqualTo(Slice.BROKEN_UP);
        assertThat(slice.current()).isNull();
        assertThat(slice.inLane()).isSameAs(slice);
    }

    @Test
    void whatIsOverIsNotBrokenUp() {
        for (int i = 0; i < 4; i++) {
            slice.claim(false);
        }

        assertThat(slice.breakUp(Side.CONSUMER)).isEqualTo(-1);
        assertThat(slice.isBrokenUp()).isFalse();
        assertThat(slice.inLane()).isSameAs(slice);
    }
}
