package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SlowModeTests {

    private static final long MILLI = 1_000_000;

    private final SlowMode mode = new SlowMode(new SlowMode.Bounds(100 * MILLI, 10, 35, 0, 8 * MILLI), 0);
    private long now;

    @Test
    void growsWhileAcknowledgementsAreSlowUpToTheBoundsAndGoesBack() {
        step(150 * MILLI);
        assertThat(mode.batchSize()).isEqualTo(20);
        assertThat(mode.lingerNanos()).isEqualTo(MILLI);
        for (int i = 0; i < 5; i++) {
            step(150 * MILLI);
        }
        assertThat(mode.batchSize()).isEqualTo(35);
        assertThat(mode.lingerNanos()).isEqualTo(8 * MILLI);
        assertThat(mode.active()).isTrue();

        for (int i = 0; i < 5; i++) {
            step(10 * MILLI);
        }
        assertThat(mode.batchSize()).isEqualTo(10);
        assertThat(mode.lingerNanos()).isZero();
        assertThat(mode.active()).isFalse();
    }

    @Test
    void staysWhereItIsBetweenSlowAndHealthy() {
        step(150 * MILLI);
        step(70 * MILLI);
        assertThat(mode.batchSize()).isEqualTo(20);
    }

    @Test
    void noAcknowledgementAtAllIsSlowOnlyWhileSomethingIsInFlight() {
        mode.step(now += SlowMode.STEP_NANOS, 3);
        assertThat(mode.batchSize()).isEqualTo(20);
        mode.step(now += SlowMode.STEP_NANOS, 0);
        assertThat(mode.batchSize()).isEqualTo(10);
    }

    @Test
    void makesAStepOnlyWhenOneIsDue() {
        mode.acknowledged(150 * MILLI);
        mode.step(SlowMode.STEP_NANOS - 1, 0);
        assertThat(mode.active()).isFalse();
        mode.step(SlowMode.STEP_NANOS, 0);
        assertThat(mode.active()).isTrue();
    }

    @Test
    void theMeanOfAllAcknowledgementsSinceTheLastStepCounts() {
        mode.acknowledged(190 * MILLI);
        mode.acknowledged(10 * MILLI);
        mode.step(now += SlowMode.STEP_NANOS, 1);
        assertThat(mode.batchSize()).isEqualTo(20);
        mode.acknowledged(190 * MILLI);
        mode.acknowledged(9 * MILLI);
        mode.step(now += SlowMode.STEP_NANOS, 1);
        assertThat(mode.batchSize()).isEqualTo(20);
        assertThat(mode.lingerNanos()).isEqualTo(MILLI);
        mode.acknowledged(50 * MILLI);
        mode.step(now += SlowMode.STEP_NANOS, 1);
        assertThat(mode.batchSize()).isEqualTo(20);
        mode.acknowledged(50 * MILLI - 1);
        mode.step(now += SlowMode.STEP_NANOS, 1);
        assertThat(mode.batchSize()).isEqualTo(10);
    }

    @Test
    void aLingerGoesBackToTheUsualOneStepByStep() {
        SlowMode lingering = new SlowMode(new SlowMode.Bounds(100 * MILLI, 10, 10, 3 * MILLI, 12 * MILLI), 5);
        now = 5;
        for (int i = 0; i < 3; i++) {
            lingering.step(now += SlowMode.STEP_NANOS, 1);
        }
        assertThat(lingering.batchSize()).isEqualTo(10);
        assertThat(lingering.lingerNanos()).isEqualTo(12 * MILLI);
        assertThat(lingering.active()).isTrue();
        lingering.step(now += SlowMode.STEP_NANOS, 0);
        assertThat(lingering.lingerNanos()).isEqualTo(6 * MILLI);
        lingering.step(now += SlowMode.STEP_NANOS, 0);
        assertThat(lingering.lingerNanos()).isEqualTo(3 * MILLI);
        lingering.step(now += SlowMode.STEP_NANOS, 0);
        assertThat(lingering.lingerNanos()).isEqualTo(3 * MILLI);
        assertThat(lingering.active()).isFalse();
    }

    @Test
    void alsoALingerOfAMillisecondIsHalvedOnlyToTheUsual() {
        step(150 * MILLI);
        step(150 * MILLI);
        assertThat(mode.lingerNanos()).isEqualTo(2 * MILLI);
        step(10 * MILLI);
        assertThat(mode.lingerNanos()).isEqualTo(MILLI);
        step(10 * MILLI);
        assertThat(mode.lingerNanos()).isZero();
    }

    private void step(long latency) {
        mode.acknowledged(latency);
        mode.step(now += SlowMode.STEP_NANOS, 1);
    }
}
