package io.github.kafkabackpressure.benchmarks.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What settings cost: a table for each of a suite's dimensions, with a column for each contender and a row for each
 * setting, against the contender's first one; none where nothing can be told. A case is called after its dimension, a row
 * after its contender and setting.
 */
final class SettingsTables {

    private final String unit;

    private final boolean inverse;

    private final StringBuilder out = new StringBuilder();

    private SettingsTables(String unit, boolean inverse) {
        this.unit = unit;
        this.inverse = inverse;
    }

    /**
     * The tables.
     *
     * @param unit what is shown, with a place for the first setting
     * @param inverse whether the time for a record is shown and not the rate
     */
    static String of(List<SuiteResult> results, String unit, boolean inverse) {
        SettingsTables tables = new SettingsTables(unit, inverse);
        results.forEach(tables::add);
        return tables.out.toString();
    }

    private void add(SuiteResult result) {
        Map<String, Map<String, List<Row>>> dimensions = new LinkedHashMap<>();
        for (Case measured : result.cases()) {
            String dimension = measured.title().split(": ", 2)[0];
            Map<String, List<Row>> contenders = dimensions.computeIfAbsent(dimension, added -> new LinkedHashMap<>());
            for (Row row : measured.rows()) {
                if (row.has(Metric.RECORDS_PER_SECOND)) {
                    contenders
                            .computeIfAbsent(contender(row), added -> new ArrayList<>())
                            .add(row);
                }
            }
        }
        dimensions.forEach(this::table);
    }

    private void table(String dimension, Map<String, List<Row>> contenders) {
        Set<String> settings = new LinkedHashSet<>();
        contenders.values().forEach(rows -> rows.forEach(row -> settings.add(setting(row))));
        String first = settings.iterator().next();
        if (settings.stream()
                .filter(setting -> !setting.equals(first))
                .allMatch(setting -> contenders.values().stream()
                        .allMatch(rows -> against(rows, setting).equals(Ratio.UNKNOWN)))) {
            return; // one round: nothing can be said
        }
        line("");
        line(
                "| %s: %s | %s |",
                dimension, String.format(Locale.ROOT, unit, first), String.join(" | ", contenders.keySet()));
        line("|---|%s", "---:|".repeat(contenders.size()));
        for (String setting : settings) {
            if (!setting.equals(first)) {
                line(
                        "| %s | %s |",
                        setting,
                        contenders.values().stream()
                                .map(rows -> against(rows, setting))
                                .collect(Collectors.joining(" | ")));
            }
        }
    }

    private String against(List<Row> rows, String setting) {
        Row first = rows.get(0);
        return rows.stream()
                .filter(row -> setting(row).equals(setting))
                .findFirst()
                .map(row -> inverse
                        ? Ratio.inverse(row, first, Metric.RECORDS_PER_SECOND)
                        : Ratio.of(row, first, Metric.RECORDS_PER_SECOND))
                .orElse(Ratio.UNKNOWN);
    }

    private static String contender(Row row) {
        return row.label().substring(0, row.label().lastIndexOf(", "));
    }

    private static String setting(Row row) {
        return row.label().substring(row.label().lastIndexOf(", ") + 2);
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }
}
