package io.github.kafkabackpressure.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultFilesTests {

    private static final Environment ENVIRONMENT = new Environment(
            "2026-01-31", "a processor", 2, 24_000, "Linux", "17", Map.of("kafka-clients", "4"), "-Xmx1g");

    private static final SuiteResult RESULT = new SuiteResult(
            "throughput",
            "small",
            ENVIRONMENT,
            List.of(new Case(
                    "No-op <uniform>",
                    "1,000 records.",
                    Metric.RECORDS_PER_SECOND,
                    null,
                    List.of(
                            row("bare", "BARE", 1000, 3000, 2000),
                            row("peer", "PEER", 400, 500, 600),
                            new Row("broken", "PEER", List.of(), "exit code 1"),
                            row("ours", "OURS", 1500, 1600, 1400)))));

    @TempDir
    Path directory;

    @Test
    void showsMedianSpreadAndOnlyRatiosThatAreLargerThanTheSpread() throws Exception {
        new ResultFiles(directory).write("throughput-jdk17", RESULT);

        assertThat(directory.resolve("throughput-jdk17.md"))
                .content()
                .contains("| bare | 2.0 k | 1.0 k – 3.0 k | 1.0 |")
                .contains("| **ours** | 1.5 k | 1.4 k – 1.6 k | ≈ |")
                .contains("| broken | – | – | – |")
                .contains("broken: exit code 1")
                .contains("| peer | 3.0 |")
                .contains("a processor, 2 cores", "2026-01-31", "kafka-clients 4");
    }

    @Test
    void drawsAChartThatIsWellFormed() throws Exception {
        new ResultFiles(directory).write("throughput-jdk17", RESULT);

        var svg = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(directory.resolve("throughput-jdk17.svg").toFile());
        assertThat(svg.getDocumentElement().getTextContent()).contains("No-op <uniform>", "2.0 k", "no figure");
    }

    @Test
    void rendersTheSameFromTheJsonAgain() throws Exception {
        ResultFiles files = new ResultFiles(directory.resolve("results"));
        files.write("throughput-jdk17", RESULT);
        Path markdown = directory.resolve("results/throughput-jdk17.md");
        String first = Files.readString(markdown);
        Files.delete(markdown);

        files.renderAll(directory.resolve("RESULTS.md"), directory.resolve("README.md"));

        assertThat(markdown).hasContent(first);
        assertThat(directory.resolve("RESULTS.md"))
                .content()
                .contains("results/throughput-jdk17.svg", "| **ours** | 1.5 k |");
    }

    @Test
    void writesTheTablesOfAReadmeAndNothingElseInIt() throws Exception {
        ResultFiles files = new ResultFiles(directory.resolve("results"));
        files.write("throughput-jdk17", RESULT);
        files.write(
                "slow-jdk17",
                new SuiteResult(
                        "slow",
                        "small",
                        ENVIRONMENT,
                        List.of(new Case(
                                "1 ms",
                                "1,000 records.",
                                Metric.RECORDS_PER_SECOND,
                                null,
                                List.of(
                                        row("pool", "BARE", 800, 801),
                                        row("peer", "PEER", 200, 200),
                                        row("better peer", "PEER", 400, 401),
                                        row("ours key", "OURS", 1000, 1001),
                                        row("ours partition, 16 partitions", "OURS", 900))))));
        files.write(
                "flatness-jdk17",
                new SuiteResult(
                        "flatness",
                        "small",
                        ENVIRONMENT,
                        List.of(new Case(
                                "Keys: ours key",
                                "1,000 records.",
                                Metric.RECORDS_PER_SECOND,
                                null,
                                List.of(
                                        row("ours key, 10 keys", "OURS", 900, 901),
                                        row("ours key, 1,000 keys", "OURS", 600, 601),
                                        row("ours key, 1,000,000 keys", "OURS", 600))))));
        Path readme = directory.resolve("README.md");
        Files.writeString(readme, """
                before
                <!-- benchmarks/run report writes what follows -->
                old
                <!-- until here -->
                after
                """);

        files.renderAll(directory.resolve("RESULTS.md"), readme);
        files.renderAll(directory.resolve("RESULTS.md"), readme);

        assertThat(readme)
                .content()
                .startsWith("before\n<!--")
                .endsWith("-->\nafter\n")
                .doesNotContain("old")
                .containsOnlyOnce("| **ours** | 1.5 k | 1.4 k – 1.6 k | ≈ | – | – | – |")
                .contains(
                        "| 1 ms, records/s, JDK 17 | 801<br>pool | – | 401 (0.5)<br>better peer | 900 (–) | 1.0 k (1.2) | – |")
                .contains("| Keys: times as long for a record as with 10 keys | ours key |")
                .contains("| 1,000 keys | 1.5 |")
                .contains("| 1,000,000 keys | – |")
                .contains("| [slow](../benchmarks/results/slow-jdk17.md) |");
    }

    @Test
    void leavesAReadmeWithoutTablesAlone() throws Exception {
        ResultFiles files = new ResultFiles(directory.resolve("results"));
        files.write("throughput-jdk17", RESULT);
        Path readme = directory.resolve("README.md");
        Files.writeString(readme, "no tables");

        files.renderAll(directory.resolve("RESULTS.md"), readme);

        assertThat(readme).hasContent("no tables");
    }

    private static Row row(String label, String family, double... rates) {
        return new Row(
                label,
                family,
                Arrays.stream(rates)
                        .mapToObj(rate -> Map.of(Metric.RECORDS_PER_SECOND.id(), rate))
                        .toList(),
                null);
    }
}
