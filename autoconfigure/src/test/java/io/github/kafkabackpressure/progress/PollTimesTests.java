package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PollTimesTests {

    private final PollTimes times = new PollTimes();

    @Test
    void tellsWhenARecordWasPolledAsTheFrontierMoves() {
        times.add(0, 100);
        times.add(10, 200);
        times.add(20, 300);

        assertThat(times.timeOf(0)).isEqualTo(100);
        assertThat(times.timeOf(9)).isEqualTo(100);
        assertThat(times.timeOf(10)).isEqualTo(200);
        assertThat(times.timeOf(25)).isEqualTo(300);
    }

    @Test
    void knowsNothingBeforeThePoll() {
        assertThat(times.timeOf(0)).isEqualTo(PollTimes.UNKNOWN);
    }

    @Test
    void aStuckRecordIsNeverYoungerThanItIsHoweverMuchIsPolledBehindIt() {
        for (int poll = 0; poll < 10_000; poll++) {
            times.add(poll, poll);
        }

        assertThat(times.timeOf(0)).isZero();
        assertThat(times.timeOf(9_999)).isBetween(0L, 9_999L);
    }

    @Test
    void whenThereAreTooManyEveryOtherPollIsTakenForTheOneBefore() {
        for (int poll = 0; poll < 356; poll++) {
            times.add(poll, 10L * poll);
            assertThat(times.timeOf(Math.min(poll, 100)))
                    .isEqualTo(10L * Math.min(poll, 100)); // up to 256 from there on
        }
        times.add(356, 3560);
        assertThat(times.timeOf(100)).isEqualTo(1000);
        for (int frontier = 101; frontier < 356; frontier++) {
            assertThat(times.timeOf(frontier)).isEqualTo(10L * (frontier - frontier % 2));
        }
        assertThat(times.timeOf(356)).isEqualTo(3560);
    }

    @Test
    void forgetsWhatIsPolledAnewAfterASeek() {
        times.add(0, 100);
        times.add(10, 200);
        times.add(5, 300);

        assertThat(times.timeOf(7)).isEqualTo(300);
        assertThat(times.timeOf(12)).isEqualTo(300);
    }
}
