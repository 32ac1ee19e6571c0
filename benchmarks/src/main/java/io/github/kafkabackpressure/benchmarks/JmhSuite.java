package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.report.Case;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import io.github.kafkabackpressure.benchmarks.report.ResultFiles;
import io.github.kafkabackpressure.benchmarks.report.Row;
import io.github.kafkabackpressure.benchmarks.report.SuiteResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.Main;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/** JMH, with its results in the form of the other suites. */
final class JmhSuite {

    private JmhSuite() {}

    /** Runs what JMH's own command line options say. */
    static void run(List<String> arguments) throws Exception {
        String[] array = arguments.toArray(String[]::new);
        CommandLineOptions options = new CommandLineOptions(array);
        if (options.shouldHelp() || options.shouldList() || options.shouldListWithParams()) {
            Main.main(array);
            return;
        }
        Map<String, List<Row>> rows = new TreeMap<>();
        for (RunResult result : new Runner(options).run()) {
            rows.computeIfAbsent(className(result.getParams()), name -> new ArrayList<>())
                    .addAll(rows(result));
        }
        List<Case> cases = rows.entrySet().stream()
                .map(each -> new Case(
                        each.getKey(),
                        "An operation is one record; each round is an iteration of JMH.",
                        Metric.JMH_SCORE,
                        null,
                        each.getValue()))
                .toList();
        new ResultFiles(Options.RESULTS)
                .write(
                        "jmh-jdk" + Runtime.version().feature(),
                        new SuiteResult("jmh", "as given to JMH", Machine.describe("JMH's"), cases));
    }

    /** A row for each benchmark method; in a group, whose sum means nothing, for each of its methods. */
    private static List<Row> rows(RunResult result) {
        Map<String, List<Map<String, Double>>> runs = new LinkedHashMap<>();
        for (BenchmarkResult fork : result.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                Map<String, Double> scores = new TreeMap<>();
                iteration.getSecondaryResults().forEach((method, score) -> scores.put(method, score.getScore()));
                if (scores.isEmpty()) {
                    var only = iteration.getPrimaryResult();
                    scores.put(only.getLabel(), only.getScore());
                }
                scores.forEach((method, score) -> runs.computeIfAbsent(
                                label(method, result.getParams()), label -> new ArrayList<>())
                        .add(Map.of(Metric.JMH_SCORE.id(), score)));
            }
        }
        return runs.entrySet().stream()
                .map(each -> new Row(each.getKey(), Contender.Family.OURS.name(), each.getValue(), null))
                .toList();
    }

    private static String className(BenchmarkParams params) {
        String[] parts = params.getBenchmark().split("\\.", -1);
        return parts[parts.length - 2].replace("Benchmark", "");
    }

    private static String label(String method, BenchmarkParams params) {
        StringBuilder label = new StringBuilder(method);
        for (String name : params.getParamsKeys()) {
            label.append(", ").append(name).append(' ').append(params.getParam(name));
        }
        return label.toString();
    }
}
