package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.report.ResultFiles;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The command: runs a suite, all of them, or JMH; or writes the reports from the results again. */
public final class Benchmarks {

    private Benchmarks() {}

    public static void main(String[] arguments) throws Exception {
        List<String> all = List.of(arguments);
        if (all.isEmpty()) {
            help();
            return;
        }
        String command = all.get(0);
        List<String> rest = all.subList(1, all.size());
        switch (command) {
            case "jmh" -> JmhSuite.run(rest);
            case "report" -> report(Options.parse(rest));
            case "all" -> {
                Options options = Options.parse(rest);
                for (Suite suite : Suite.values()) {
                    new Harness(options).run(suite);
                }
                report(options);
            }
            default -> new Harness(Options.parse(rest)).run(suite(command));
        }
    }

    private static Suite suite(String id) {
        return Arrays.stream(Suite.values())
                .filter(suite -> suite.id().equals(id))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("No suite '" + id + "'; run without arguments for help"));
    }

    private static void report(Options options) throws Exception {
        Path benchmarks =
                options.results().toAbsolutePath().normalize().resolve("..").normalize();
        Path summary = benchmarks.resolve("RESULTS.md");
        new ResultFiles(options.results())
                .renderAll(summary, benchmarks.resolve("../docs/performance.md").normalize());
        System.out.println("Written: " + summary);
    }

    private static void help() {
        System.out.println("Usage: benchmarks SUITE [option value]...\n\nSuites:");
        for (Suite suite : Suite.values()) {
            System.out.printf("  %-12s %s%n", suite.id(), suite.summary());
        }
        System.out.println("  all          every suite, then report");
        System.out.println(
                "  report       write RESULTS.md, the charts and the tables of docs/performance.md from the JSON of all suites again");
        System.out.println("  jmh          the pure classes under JMH; takes JMH's own options, not those below");
        System.out.println("\nOptions:\n" + Options.HELP);
        System.out.println("Contenders: "
                + Arrays.stream(Contender.values()).map(Contender::id).collect(Collectors.joining(", ")));
    }
}
