package io.github.kafkabackpressure.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RatioTests {

    @Test
    void saysNothingOfADifferenceThatIsSmallerThanTheSpreadOfEitherRow() {
        Row steady = row("steady", 100, 101, 102);
        Row jumpy = row("jumpy", 60, 120, 180);

        assertThat(times(jumpy, steady)).isEqualTo("≈");
        assertThat(times(steady, jumpy)).isEqualTo("≈");
    }

    @Test
    void saysWhatIsLargerThanTheSpreadWithOneDecimal() {
        assertThat(times(row("a", 149, 151, 153), row("b", 99, 100, 101))).isEqualTo("1.5");
        assertThat(times(row("a", 1249, 1251, 1253), row("b", 99, 100, 101))).isEqualTo("13");
        assertThat(times(row("a", 1, 1), row("b", 100, 100))).isEqualTo("< 0.1");
        assertThat(Ratio.inverse(row("a", 50, 50), row("b", 100, 100), Metric.RECORDS_PER_SECOND))
                .isEqualTo("2.0");
    }

    @Test
    void doesNotCompareWithARowOfOneRound() {
        assertThat(times(row("a", 200), row("b", 99, 100, 101))).isEqualTo("–");
        assertThat(times(row("a", 199, 200, 201), row("b", 100))).isEqualTo("–");
        assertThat(times(row("a"), row("b", 100, 100))).isEqualTo("–");
    }

    @Test
    void aRowIsAsMuchAsItself() {
        assertThat(times(row("a", 200), row("a", 200))).isEqualTo("1.0");
    }

    private static String times(Row row, Row other) {
        return Ratio.of(row, other, Metric.RECORDS_PER_SECOND);
    }

    private static Row row(String label, double... rates) {
        return new Row(
                label,
                "OURS",
                Arrays.stream(rates)
                        .mapToObj(rate -> Map.of(Metric.RECORDS_PER_SECOND.id(), rate))
                        .toList(),
                null);
    }
}
