package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DurationCountsTests {

    private final DurationCounts counts = new DurationCounts();

    private final long[] before = counts.counts();

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 3, 4, 7, 8, 1000, 1_000_000, 123_456_789, 3_600_000_000_000L, Long.MAX_VALUE / 2})
    void aQuantileIsTheDurationOrUpToAQuarterMore(long nanos) {
        counts.count(nanos, 1);

        assertThat(DurationCounts.quantile(before, counts.counts(), 0.99)).isBetween(nanos, nanos + nanos / 4);
    }

    @Test
    void quantilesAreOfWhatCameBetweenTwoLooks() {
        counts.count(1_000_000_000, 1000);
        long[] then = counts.counts();
        counts.count(100, 98);
        counts.count(1_000_000, 2);
        long[] now = counts.counts();

        assertThat(DurationCounts.quantile(then, now, 0.5)).isBetween(100L, 125L);
        assertThat(DurationCounts.quantile(then, now, 0.99)).isBetween(1_000_000L, 1_250_000L);
        assertThat(DurationCounts.quantile(now, now, 0.5)).isZero();
    }

    @Test
    void shortDurationsAreExactAndLongOnesAQuarterWide() {
        counts.count(-5, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isZero();
        counts.count(2, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isEqualTo(2);
        counts.count(4, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isEqualTo(4);
        counts.count(8, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isEqualTo(9);
        counts.count(15, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isEqualTo(15);
        counts.count(16, 1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 1)).isEqualTo(19);
    }

    @Test
    void aQuantileIsTheSmallestThatHasSoManyBelowIt() {
        counts.count(1, 5);
        counts.count(3, 5);
        assertThat(DurationCounts.quantile(before, counts.counts(), 0.5)).isEqualTo(1);
        assertThat(DurationCounts.quantile(before, counts.counts(), 0.51)).isEqualTo(3);
        assertThat(DurationCounts.quantile(before, before, 1)).isZero();

        long[] then = counts.counts();
        counts.count(100, 1);
        assertThat(DurationCounts.quantile(then, counts.counts(), 0.5)).isEqualTo(111);
    }
}
