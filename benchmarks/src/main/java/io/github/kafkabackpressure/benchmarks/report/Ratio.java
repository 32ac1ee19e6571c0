package io.github.kafkabackpressure.benchmarks.report;

import java.util.Locale;

/** How many times as much one row's median is as another's, as far as the rounds can tell. */
final class Ratio {

    /** The medians differ by less than the rounds of one of the two do. */
    static final String WITHIN_THE_SPREAD = "≈";

    /** Not measured, or in one round only, which has no spread. */
    static final String UNKNOWN = "–";

    private Ratio() {}

    /** {@code row} ÷ {@code other}. */
    static String of(Row row, Row other, Metric metric) {
        return of(row, other, metric, false);
    }

    /** {@code other} ÷ {@code row}. */
    static String inverse(Row row, Row other, Metric metric) {
        return of(row, other, metric, true);
    }

    private static String of(Row row, Row other, Metric metric, boolean inverse) {
        if (row.label().equals(other.label())) {
            return format(1);
        }
        if (!row.has(metric) || !other.has(metric) || row.rounds(metric) < 2 || other.rounds(metric) < 2) {
            return UNKNOWN;
        }
        double difference = Math.abs(row.median(metric) - other.median(metric));
        if (difference <= Math.max(row.spread(metric), other.spread(metric))) {
            return WITHIN_THE_SPREAD;
        }
        double ratio = row.median(metric) / other.median(metric);
        return format(inverse ? 1 / ratio : ratio);
    }

    private static String format(double ratio) {
        if (ratio < 0.1) {
            return "< 0.1";
        }
        return String.format(Locale.ROOT, ratio < 9.95 ? "%.1f" : "%,.0f", ratio);
    }
}
