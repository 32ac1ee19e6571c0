package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.PauseReason;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TimeSharesTests {

    private final TimeShares shares = new TimeShares(1000);

    private long[] totals(long now) {
        long[] totals = new long[TimeShares.KINDS];
        shares.addTotals(totals, now);
        return totals;
    }

    @Test
    void timesAddUpToWhatHasPassedAndBeingPausedGoesBeforeAllElse() {
        shares.become(false, null, 1100);
        shares.become(true, PauseReason.MAX_IN_FLIGHT, 1300);
        shares.become(false, PauseReason.USER, 1350);

        long[] totals = totals(1400);
        assertThat(totals[TimeShares.IDLE]).isEqualTo(100);
        assertThat(totals[TimeShares.BUSY]).isEqualTo(200);
        assertThat(totals[TimeShares.paused(PauseReason.MAX_IN_FLIGHT)]).isEqualTo(50);
        assertThat(totals[TimeShares.paused(PauseReason.USER)]).isEqualTo(50);
        assertThat(Arrays.stream(totals).sum()).isEqualTo(400);
    }

    @Test
    void aLookAddsToWhatIsThere() {
        long[] totals = new long[TimeShares.KINDS];
        totals[TimeShares.IDLE] = 7;
        shares.addTotals(totals, 1010);
        assertThat(totals[TimeShares.IDLE]).isEqualTo(17);
        assertThat(totals[TimeShares.BUSY]).isZero();
        assertThat(TimeShares.KINDS).isEqualTo(2 + PauseReason.values().length);
    }

    @Test
    void sayingTheSameAgainChangesNothing() {
        shares.become(false, null, 1100);
        shares.become(false, null, 1200);
        shares.become(true, null, 1300);
        assertThat(totals(1300)[TimeShares.BUSY]).isEqualTo(200);
        assertThat(totals(1200)[TimeShares.IDLE]).as("a look that is late").isEqualTo(100);
    }

    @Test
    void whatHasNotChangedNeedsNoClock() {
        assertThat(shares.differs(true, null)).isFalse();
        assertThat(shares.differs(false, null)).isTrue();
        assertThat(shares.differs(true, PauseReason.USER)).isTrue();
    }
}
