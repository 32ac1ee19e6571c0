package io.github.kafkabackpressure.benchmarks.report;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The tables for readers who want to know how fast it is: the suites' results without what only a measurer looks at. */
final class PerformanceTables {

    private static final List<String> ORDERS = List.of("partition", "key", "unordered");

    /** Of the classes that are measured alone, those that README and the documents speak of. */
    private static final List<String> ALONE = List.of("OffsetTracker", "Slice", "CommitMetadata", "Commit");

    /** Suites in which each order is one row among many. */
    private static final List<String> BY_ORDER =
            List.of("throughput", "slow", "computing", "failing", "wire", "latency", "resume");

    /** Suites of which every row is shown, with what else is worth knowing of it. */
    private static final List<Whole> WHOLE = List.of(
            new Whole("killed", List.of(Metric.LOST)),
            new Whole("rebalance", List.of(Metric.TAKEOVER, Metric.SLOWEST)),
            new Whole("latency", List.of(Metric.LATENCY_P99, Metric.LATENCY_MAX)),
            new Whole(
                    "start",
                    List.of(Metric.ALL_HANDLED, Metric.THREADS, Metric.HEAP, Metric.RESIDENT, Metric.IDLE_CPU)),
            new Whole("producer", List.of(Metric.FAILED_SENDS)),
            new Whole("overload", List.of()));

    private final List<SuiteResult> results;

    private final StringBuilder out = new StringBuilder();

    private PerformanceTables(List<SuiteResult> results) {
        this.results = results;
    }

    static String of(List<SuiteResult> results) {
        PerformanceTables tables = new PerformanceTables(results);
        tables.firstCase();
        tables.caseByCase();
        tables.out.append(SettingsTables.of(tables.suite("flatness"), "times as long for a record as with %s", true));
        tables.out.append(SettingsTables.of(tables.suite("limits"), "records/s, × those with %s", false));
        tables.out.append(SettingsTables.of(tables.suite("meters"), "records/s, × those with %s", false));
        WHOLE.forEach(tables::whole);
        tables.oneThread();
        tables.sources();
        return tables.out.toString();
    }

    private List<SuiteResult> suite(String name) {
        return results.stream().filter(result -> result.suite().equals(name)).toList();
    }

    /** The first case of the throughput, with all contenders. */
    private void firstCase() {
        for (SuiteResult result : suite("throughput")) {
            Environment environment = result.environment();
            Case measured = result.cases().get(0);
            Metric primary = measured.primary();
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
                    "| %s | %s | least – most | × %s | × %s | bytes allocated per record | most in flight |",
                    measured.title(),
                    primary.label(),
                    measured.baselineRow().map(Row::label).orElse("bare loop"),
                    spring.map(Row::label).orElse("@KafkaListener"));
            line("|---|---:|---:|---:|---:|---:|---:|");
            for (Row row : withPrimary(measured)) {
                line(
                        "| %s | %s | %s | %s | %s | %s | %s |",
                        row.emphasizedLabel(),
                        value(row, primary),
                        spread(row, primary),
                        times(measured, row, measured.baselineRow()),
                        times(measured, row, spring),
                        value(row, Metric.ALLOCATION),
                        value(row, Metric.PEAK_IN_FLIGHT));
            }
        }
    }

    /** All other cases in which each order is one row; of the others the best, by name. */
    private void caseByCase() {
        line("");
        line("| | bare loop | `@KafkaListener` | best other library | `partition` | `key` | `unordered` |");
        line("|---|---:|---:|---:|---:|---:|---:|");
        for (String suite : BY_ORDER) {
            for (SuiteResult result : suite(suite)) {
                List<Case> cases = result.cases();
                for (Case measured : suite.equals("throughput") ? cases.subList(1, cases.size()) : cases) {
                    Optional<Row> bare = best(measured, "BARE");
                    line(
                            "| %s, %s, JDK %s | %s | %s | %s | %s |",
                            measured.title(),
                            measured.primary().label(),
                            jdk(result),
                            named(measured, bare, Optional.empty()),
                            named(measured, best(measured, "SPRING"), bare),
                            named(measured, best(measured, "PEER"), bare),
                            ORDERS.stream()
                                    .map(order -> cell(measured, ofOrder(measured, order), bare))
                                    .collect(Collectors.joining(" | ")));
                }
            }
        }
    }

    private void whole(Whole suite) {
        for (SuiteResult result : suite(suite.name)) {
            for (Case measured : result.cases()) {
                Metric primary = measured.primary();
                List<Metric> others = suite.others.stream()
                        .filter(metric -> measured.rows().stream().anyMatch(row -> row.has(metric)))
                        .toList();
                line("");
                line(
                        "| %s, JDK %s | %s | least – most |%s",
                        measured.title(),
                        jdk(result),
                        primary.label(),
                        others.stream()
                                .map(metric -> " " + metric.label() + " |")
                                .collect(Collectors.joining()));
                line("|---|---:|---:|%s", "---:|".repeat(others.size()));
                for (Row row : withPrimary(measured)) {
                    line(
                            "| %s | %s | %s |%s",
                            row.emphasizedLabel(),
                            value(row, primary),
                            spread(row, primary),
                            others.stream()
                                    .map(metric -> " " + value(row, metric) + " |")
                                    .collect(Collectors.joining()));
                }
            }
        }
    }

    /** The classes that only one thread uses, alone. */
    private void oneThread() {
        for (SuiteResult result : suite("jmh")) {
            line("");
            line("| One thread, the class alone, JDK %s | operations/s | least – most |", jdk(result));
            line("|---|---:|---:|");
            for (Case measured : result.cases()) {
                if (!ALONE.contains(measured.title())) {
                    continue;
                }
                for (Row row : withPrimary(measured)) {
                    line(
                            "| %s, %s | %s | %s |",
                            measured.title(),
                            row.label(),
                            value(row, measured.primary()),
                            spread(row, measured.primary()));
                }
            }
        }
    }

    private void sources() {
        line("");
        line("| suite | measured on | JDK | size |");
        line("|---|---|---|---|");
        for (SuiteResult result : results) {
            line(
                    "| [%s](../benchmarks/results/%s-jdk%s.md) | %s | %s | %s |",
                    result.suite(),
                    result.suite(),
                    jdk(result),
                    result.environment().date(),
                    jdk(result),
                    result.size());
        }
    }

    private static String jdk(SuiteResult result) {
        return result.environment().jdk().replaceAll("\\D.*", "");
    }

    private static List<Row> withPrimary(Case measured) {
        return measured.rows().stream()
                .filter(row -> row.has(measured.primary()))
                .toList();
    }

    private static Optional<Row> best(Case measured, String family) {
        return best(
                measured,
                withPrimary(measured).stream()
                        .filter(row -> row.family().equals(family))
                        .toList());
    }

    private static Optional<Row> ofOrder(Case measured, String order) {
        return best(
                measured,
                withPrimary(measured).stream()
                        .filter(row -> row.isOurs() && row.label().matches(".* " + order + "(, .*)?"))
                        .toList());
    }

    private static Optional<Row> best(Case measured, List<Row> rows) {
        Comparator<Row> byPrimary = Comparator.comparingDouble(row -> row.median(measured.primary()));
        return rows.stream()
                .max(measured.primary().better() == Metric.Better.HIGHER ? byPrimary : byPrimary.reversed());
    }

    private static String named(Case measured, Optional<Row> row, Optional<Row> bare) {
        return row.map(present -> cell(measured, row, bare) + "<br>" + shortName(present))
                .orElse("–");
    }

    /** A label without what its column says. */
    private static String shortName(Row row) {
        return row.label().replace("@KafkaListener ", "").replace("KafkaConsumer loop", "loop");
    }

    private static String cell(Case measured, Optional<Row> row, Optional<Row> bare) {
        return row.map(present -> value(present, measured.primary())
                        + (bare.isPresent() ? " (" + times(measured, present, bare) + ")" : ""))
                .orElse("–");
    }

    private static String times(Case measured, Row row, Optional<Row> other) {
        return other.map(present -> Ratio.of(row, present, measured.primary())).orElse(Ratio.UNKNOWN);
    }

    private static String value(Row row, Metric metric) {
        return row.has(metric) ? metric.format(row.median(metric)) : "–";
    }

    private static String spread(Row row, Metric metric) {
        return row.rounds(metric) < 2
                ? "–"
                : metric.format(row.least(metric)) + " – " + metric.format(row.most(metric));
    }

    private void line(String format, Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }

    /** A suite, and the columns beside the metric that counts. */
    private record Whole(String name, List<Metric> others) {}
}
