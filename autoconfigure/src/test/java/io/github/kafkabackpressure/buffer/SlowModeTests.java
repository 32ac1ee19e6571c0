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

    private void step(long latency) {
        mode.acknowledged(latency);
        mode.step(now += SlowMode.STEP_NANOS, 1);
    }
}
