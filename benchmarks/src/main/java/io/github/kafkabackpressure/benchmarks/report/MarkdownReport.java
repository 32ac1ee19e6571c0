package io.github.kafkabackpressure.benchmarks.report;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A suite's result as Markdown: where it was measured, a table for each case, and ours against each peer. */
final class MarkdownReport {

    private final StringBuilder out = new StringBuilder();

    private MarkdownReport() {}

    /** The report; {@code chart} is the address of the suite's chart. */
    static String of(SuiteResult result, String chart) {
        MarkdownReport report = new MarkdownReport();
        report.head(result, chart);
        result.cases().forEach(report::table);
        return report.out.toString();
    }

    private void head(SuiteResult result, String chart) {
        Environment environment = result.environment();
        line("## %s (%s)", result.suite(), result.size());
        line("");
        line(
                "%s · %s, %d cores, %,d MB · %s · JDK %s · JVM options of each contender `%s`",
                environment.date(),
                environment.cpu(),
                environment.cores(),
                environment.memoryMegabytes(),
                environment.os(),
                environment.jdk(),
                environment.jvmOptions());
        line("");
        line("Versions: %s", environment.versionsInWords());
        line("");
        line("![%s](%s)", result.suite(), chart);
    }

    private void table(Case measured) {
        List<Metric> columns = Arrays.stream(Metric.values())
                .filter(metric -> metric != measured.primary())
                .filter(metric -> measured.rows().stream().anyMatch(row -> row.has(metric)))
                .toList();
        line("");
        line("### %s", measured.title());
        line("");
        line("%s", measured.description());
        line("");
        line(
                "| | %s, median | min–max | × %s |%s",
                measured.primary().label(),
                measured.baselineRow().map(Row::label).orElse("baseline"),
                columns.stream().map(column -> " " + column.label() + " |").collect(Collectors.joining()));
        line("|---|---:|---:|---:|%s", "---:|".repeat(columns.size()));
        measured.rows().forEach(row -> row(measured, row, columns));
        measured.rows().stream()
                .filter(row -> row.failure() != null)
                .forEach(row -> line("\n%s: %s", row.label(), row.failure()));
        againstPeers(measured);
    }

    private void row(Case measured, Row row, List<Metric> columns) {
        Metric primary = measured.primary();
        if (!row.has(primary)) {
            line("| %s | – | – | – |%s", row.label(), " – |".repeat(columns.size()));
            return;
        }
        line(
                "| %s | %s | %s – %s | %s |%s",
                row.emphasizedLabel(),
                primary.format(row.median(primary)),
                primary.format(row.least(primary)),
                primary.format(row.most(primary)),
                measured.baselineRow()
                        .map(baseline -> Ratio.of(row, baseline, primary))
                        .orElse(Ratio.UNKNOWN),
                columns.stream()
                        .map(column -> " " + (row.has(column) ? column.format(row.median(column)) : "–") + " |")
                        .collect(Collectors.joining()));
    }

    /** How many times better each of ours is than each of the others. */
    private void againstPeers(Case measured) {
        Metric primary = measured.primary();
        List<Row> ours = measured.rows().stream()
                .filter(row -> row.isOurs() && row.has(primary))
                .toList();
        List<Row> others = measured.rows().stream()
                .filter(row -> !row.isOurs() && row.has(primary))
                .toList();
        if (ours.isEmpty() || others.isEmpty()) {
            return;
        }
        line("");
        line(
                "| times %s than |%s",
                primary.better() == Metric.Better.HIGHER ? "more" : "less",
                ours.stream().map(row -> " " + row.label() + " |").collect(Collectors.joining()));
        line("|---|%s", "---:|".repeat(ours.size()));
        for (Row other : others) {
            line(
                    "| %s |%s",
                    other.label(),
                    ours.stream()
                            .map(row -> " " + advantage(primary, row, other) + " |")
                            .collect(Collectors.joining()));
        }
    }

    private static String advantage(Metric metric, Row ours, Row other) {
        return metric.better() == Metric.Better.HIGHER
                ? Ratio.of(ours, other, metric)
                : Ratio.inverse(ours, other, metric);
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
