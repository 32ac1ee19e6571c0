package io.github.kafkabackpressure.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The part of a project's README between two comments that is written from the results. */
final class ReadmeSection {

    private static final String BEGIN = "<!-- benchmarks/run report writes what follows -->\n";

    private static final String END = "<!-- until here -->\n";

    private static final List<String> ORDERS = List.of("partition", "key", "unordered");

    private final List<SuiteResult> results;

    private final StringBuilder out = new StringBuilder();

    private ReadmeSection(List<SuiteResult> results) {
        this.results = results;
    }

    /** Writes the section of a README; nothing if the file does not exist or has no such section. */
    static void write(Path readme, List<SuiteResult> results) throws IOException {
        if (!Files.exists(readme)) {
            return;
        }
        String before = Files.readString(readme);
        int begin = before.indexOf(BEGIN) + BEGIN.length();
        int end = before.indexOf(END);
        if (begin >= BEGIN.length() && end >= begin) {
            Files.writeString(readme, before.substring(0, begin) + of(results) + before.substring(end));
        }
    }

    private static String of(List<SuiteResult> results) {
        ReadmeSection section = new ReadmeSection(results);
        section.firstCase();
        section.caseByCase();
        section.settings("flatness", "times as long for a record as with %s", true);
        section.settings("limits", "records/s, × those with %s", false);
        section.settings("meters", "records/s, × those with %s", false);
        return section.out.toString();
    }

    private List<SuiteResult> suite(String name) {
        return results.stream().filter(result -> result.suite().equals(name)).toList();
    }

    /** The first case of the throughput, with all contenders. */
    private void firstCase() {
        for (SuiteResult result : suite("throughput")) {
            Environment environment = result.environment();
            Case measured = result.cases().get(0);
            Optional<Row> spring = best(measured, "SPRING");
            line("");
            line(
                    "%s · %s, %d cores, with the broker on it · JDK %s · %s",
                    environment.date(),
                    environment.cpu(),
                    environment.cores(),
                    environment.jdk(),
                    environment.versionsInWords());
            line("");
            line(
                    "| %s | records/s | × bare loop | × `@KafkaListener` | bytes allocated per record | most in flight |",
                    measured.title());
            line("|---|---:|---:|---:|---:|---:|");
            for (Row row : withPrimary(measured)) {
                line(
                        "| %s | %s | %s | %s | %s | %s |",
                        row.emphasizedLabel(),
                        value(row, measured.primary()),
                        times(measured, row, measured.baselineRow()),
                        times(measured, row, spring),
                        value(row, Metric.ALLOCATION),
                        value(row, Metric.PEAK_IN_FLIGHT));
            }
        }
    }

    /** All other cases in which each order is one row. */
    private void caseByCase() {
        line("");
        line("| | bare loop | `@KafkaListener` | best other library | `partition` | `key` | `unordered` |");
        line("|---|---:|---:|---:|---:|---:|---:|");
        for (String suite : List.of("throughput", "slow", "latency", "resume")) {
            for (SuiteResult result : suite(suite)) {
                List<Case> cases = result.cases();
                for (Case measured : suite.equals("throughput") ? cases.subList(1, cases.size()) : cases) {
                    Optional<Row> bare = best(measured, "BARE");
                    line(
                            "| %s, %s, JDK %s | %s | %s | %s | %s |",
                            measured.title(),
                            measured.primary().label(),
                            result.environment().jdk().replaceAll("\\..*", ""),
                            bare.map(row -> value(row, measured.primary())).orElse("–"),
                            cell(measured, best(measured, "SPRING"), bare),
                            cell(measured, best(measured, "PEER"), bare),
                            ORDERS.stream()
                                    .map(order -> cell(measured, ofOrder(measured, order), bare))
                                    .collect(Collectors.joining(" | ")));
                }
            }
        }
    }

    /** What the settings of a suite cost: a table for each of its dimensions, with a column for each contender. */
    private void settings(String suite, String unit, boolean inverse) {
        for (SuiteResult result : suite(suite)) {
            Map<String, Map<String, List<Row>>> dimensions = new LinkedHashMap<>();
            for (Case measured : result.cases()) {
                String[] title = measured.title().split(": ", 2);
                Map<String, List<Row>> contenders =
                        dimensions.computeIfAbsent(title[0], added -> new LinkedHashMap<>());
                for (Row row : withPrimary(measured)) {
                    contenders
                            .computeIfAbsent(contender(row), added -> new ArrayList<>())
                            .add(row);
                }
            }
            dimensions.forEach((dimension, contenders) -> settings(dimension, contenders, unit, inverse));
        }
    }

    private void settings(String dimension, Map<String, List<Row>> contenders, String unit, boolean inverse) {
        List<Row> all = contenders.values().iterator().next();
        line("");
        line(
                "| %s: %s | %s |",
                dimension,
                String.format(Locale.ROOT, unit, setting(all.get(0))),
                String.join(" | ", contenders.keySet()));
        line("|---|%s", "---:|".repeat(contenders.size()));
        for (int index = 1; index < all.size(); index++) {
            int at = index;
            line(
                    "| %s | %s |",
                    setting(all.get(at)),
                    contenders.values().stream()
                            .map(rows -> against(rows, at, inverse))
                            .collect(Collectors.joining(" | ")));
        }
    }

    private static String against(List<Row> rows, int index, boolean inverse) {
        if (index >= rows.size()) {
            return "–";
        }
        double ratio =
                rows.get(index).median(Metric.RECORDS_PER_SECOND) / rows.get(0).median(Metric.RECORDS_PER_SECOND);
        return MarkdownReport.ratio(inverse ? 1 / ratio : ratio);
    }

    /** A row of settings is called after its contender and the setting. */
    private static String contender(Row row) {
        return row.label().substring(0, row.label().lastIndexOf(", "));
    }

    private static String setting(Row row) {
        return row.label().substring(row.label().lastIndexOf(", ") + 2);
    }

    private static List<Row> withPrimary(Case measured) {
        return measured.rows().stream()
                .filter(row -> row.has(measured.primary()))
                .toList();
    }

    private static Optional<Row> best(Case measured, String family) {
        Comparator<Row> byPrimary = Comparator.comparingDouble(row -> row.median(measured.primary()));
        return withPrimary(measured).stream()
                .filter(row -> row.family().equals(family))
                .max(measured.primary().better() == Metric.Better.HIGHER ? byPrimary : byPrimary.reversed());
    }

    private static Optional<Row> ofOrder(Case measured, String order) {
        return withPrimary(measured).stream()
                .filter(row -> row.isOurs() && row.label().endsWith(" " + order))
                .findFirst();
    }

    private static String cell(Case measured, Optional<Row> row, Optional<Row> bare) {
        return row.map(present -> value(present, measured.primary())
                        + (bare.isPresent() ? " (" + times(measured, present, bare) + ")" : ""))
                .orElse("–");
    }

    private static String times(Case measured, Row row, Optional<Row> other) {
        return other.map(present ->
                        MarkdownReport.ratio(row.median(measured.primary()) / present.median(measured.primary())))
                .orElse("–");
    }

    private static String value(Row row, Metric metric) {
        return row.has(metric) ? metric.format(row.median(metric)) : "–";
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
