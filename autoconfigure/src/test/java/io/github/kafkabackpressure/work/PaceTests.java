package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.work.Pace.Speed;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PaceTests {

    private final Pace pace = new Pace();

    @Test
    void asLongAsNothingIsKnownRecordsAreSlow() {
        assertThat(pace.speed()).isEqualTo(Speed.SLOW);
        assertThat(pace.new Tally().speed()).isEqualTo(Speed.SLOW);
    }

    @ParameterizedTest
    @CsvSource({"2000, COMPUTING", "2001, QUICK", "50000, QUICK", "50001, SLOW"})
    void theSpeedIsThatOfTheAverage(long nanos, Speed speed) {
        Pace.Tally tally = pace.new Tally();
        long most = Math.min(nanos, 50_000); // a turn that takes longer is told of at once
        for (int record = 0; record < 63; record++) {
            tally.add(1, most);
        }
        tally.add(0, 64 * (nanos - most));
        tally.add(1, most);
        assertThat(tally.speed()).isEqualTo(speed);
        assertThat(pace.speed()).isEqualTo(speed);
    }

    @Test
    void theOthersAreToldAfterSixtyFourRecords() {
        Pace.Tally tally = pace.new Tally();
        tally.add(63, 40_000);
        assertThat(pace.speed()).isEqualTo(Speed.SLOW);
        assertThat(tally.speed()).isEqualTo(Speed.SLOW);

        tally.add(1, 1_000);

        assertThat(pace.speed()).isEqualTo(Speed.COMPUTING);
        assertThat(tally.speed()).isEqualTo(Speed.COMPUTING);
    }

    @Test
    void theOthersAreToldOfASlowTurnAtOnce() {
        Pace.Tally tally = pace.new Tally();
        tally.add(64, 64_000);
        tally.add(1, 50_000);
        assertThat(pace.speed()).isEqualTo(Speed.COMPUTING);

        tally.add(1, 50_001);

        assertThat(pace.speed()).isEqualTo(Speed.QUICK);
    }

    @Test
    void whatWasToldIsNotToldAgain() {
        Pace.Tally tally = pace.new Tally();
        tally.add(64, 64_000);
        Pace.Tally other = pace.new Tally();
        other.add(64, 64 * 10_000);
        assertThat(pace.speed()).isEqualTo(Speed.QUICK);

        tally.report();

        assertThat(tally.speed()).isEqualTo(Speed.QUICK);
        assertThat(pace.speed()).isEqualTo(Speed.QUICK);
    }

    @Test
    void aWorkerThatComesLateWithOneRecordDoesNotReplaceWhatIsKnown() {
        pace.new Tally().add(64, 64 * 1_000);
        Pace.Tally late = pace.new Tally();
        late.add(1, 40_000);
        late.report();
        assertThat(pace.speed()).isEqualTo(Speed.COMPUTING);
    }

    @Test
    void aTurnCountsForAMillisecondAtMost() {
        Pace.Tally tally = pace.new Tally();
        tally.add(64, 64 * 1_000);
        tally.add(1, 1_000_000_000);
        assertThat(pace.speed()).isEqualTo(Speed.QUICK);
    }
}
