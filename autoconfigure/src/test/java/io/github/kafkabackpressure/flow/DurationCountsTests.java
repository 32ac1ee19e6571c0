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
}
