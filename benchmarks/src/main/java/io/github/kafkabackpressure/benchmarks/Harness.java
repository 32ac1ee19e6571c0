package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.ContenderProcess.RunFailedException;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Requests;
import io.github.kafkabackpressure.benchmarks.contender.Run;
import io.github.kafkabackpressure.benchmarks.contender.RunResult;
import io.github.kafkabackpressure.benchmarks.contender.Setup;
import io.github.kafkabackpressure.benchmarks.contender.Work;
import io.github.kafkabackpressure.benchmarks.report.Case;
import io.github.kafkabackpressure.benchmarks.report.ResultFiles;
import io.github.kafkabackpressure.benchmarks.report.Row;
import io.github.kafkabackpressure.benchmarks.report.SuiteResult;
import io.github.kafkabackpressure.test.BrokerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Runs a suite: one broker for all of it, a topic for each load, and every contender in turn, round after round, so
 * that what else the machine does falls on all alike.
 *
 * <p>Threading: one thread; a paced sender runs beside a latency run.
 */
final class Harness {

    private final Options options;

    private final ResultFiles files;

    private final long stepsPerMicrosecond = Work.stepsPerMicrosecond();

    private int runs;

    Harness(Options options) {
        this.options = options;
        this.files = new ResultFiles(options.results());
    }

    void run(Suite suite) throws Exception {
        List<CaseSpec> specs = suite.cases(options).stream()
                .map(spec -> spec.with(options.builds()))
                .toList();
        String name = suite.id() + "-jdk" + Runtime.version().feature();
        if (options.jfr() != null) {
            // A JVM that cannot write its recording does not start, and what it says about that looks like a run's own.
            Files.createDirectories(options.jfr());
        }
        List<Case> done = new ArrayList<>();
        try (Tls tls = Tls.create();
                BrokerProcess broker = BrokerProcess.start("1g", tls.brokerProperties());
                Topics topics = new Topics(broker.bootstrapServers())) {
            for (CaseSpec spec : specs) {
                if (done.isEmpty()) {
                    // The broker's own code is cold: the first run is for nothing.
                    run(broker, tls, topics, spec, spec.entries().get(0), 0);
                }
                done.add(run(broker, tls, topics, spec));
                topics.deleteFilledExcept(specs.subList(done.size(), specs.size()).stream()
                        .flatMap(later -> later.entries().stream().map(entry -> topicOf(later, entry)))
                        .collect(Collectors.toSet()));
                files.write(
                        name,
                        new SuiteResult(
                                suite.id(),
                                options.size().name().toLowerCase(Locale.ROOT) + ", rounds: " + options.rounds(),
                                Machine.describe(String.join(" ", jvmOptions())),
                                done));
            }
        }
        say("Written: %s/%s.{json,md,svg}", options.results(), name);
    }

    private Case run(BrokerProcess broker, Tls tls, Topics topics, CaseSpec spec) throws Exception {
        List<Collected> collected = spec.entries().stream().map(Collected::new).toList();
        for (int round = 1; round <= options.rounds(); round++) {
            for (Collected each : collected) {
                String which =
                        "%s | round %d of %d | %s".formatted(spec.title(), round, options.rounds(), each.entry.label());
                try {
                    RunResult result = run(broker, tls, topics, spec, each.entry, round);
                    each.runs.add(result.metrics());
                    say("%s: %s", which, result.metrics());
                } catch (RunFailedException ex) {
                    each.failure = ex.reason();
                    say("%s failed: %s%n%s", which, ex.reason(), ex.output());
                }
            }
        }
        return new Case(
                spec.title(),
                spec.description(),
                spec.primary(),
                spec.baseline(),
                collected.stream().map(Collected::row).toList());
    }

    private RunResult run(BrokerProcess broker, Tls tls, Topics topics, CaseSpec spec, Entry entry, int round)
            throws Exception {
        int sentPerSecond = entry.load().sentPerSecond();
        boolean ownTopic = sentPerSecond > 0 || entry.contender().produces();
        String topic = ownTopic ? topics.create(entry.topic().partitions()) : topics.filled(topicOf(spec, entry));
        boolean secure = "SSL".equals(entry.setup().client().get("security.protocol"));
        Setup setup = entry.setup().withSteps(entry.setup().computeMicros() * stepsPerMicrosecond);
        Run run = new Run(
                entry.contender(),
                secure ? tls.bootstrapServers() : broker.bootstrapServers(),
                topic,
                entry.topic().partitions(),
                "group-" + ++runs,
                entry.load(),
                spec.probe(),
                secure ? setup.withClient(tls.clientProperties()) : setup,
                entry.topic().recordBytes());
        String classPath = classPath(entry);
        Function<Map<String, Runnable>, ContenderProcess> jvms =
                requests -> new ContenderProcess(jvmOptions(entry, round), classPath, requests);
        Map<String, Runnable> freezing = Map.of(Requests.FREEZE, broker::freeze);
        try {
            return switch (spec.probe()) {
                case REPEATED -> new Pairs(jvms).oneAfterTheOther(run);
                case SURVIVOR -> new Pairs(jvms).oneBesideTheOther(run);
                default ->
                    sentPerSecond > 0
                            ? PacedSender.during(
                                    () -> jvms.apply(freezing).run(run),
                                    broker.bootstrapServers(),
                                    topic,
                                    entry.topic(),
                                    sentPerSecond)
                            : jvms.apply(freezing).run(run);
            };
        } finally {
            broker.resume();
            if (ownTopic) {
                topics.delete(topic);
            }
        }
    }

    /**
     * A topic with as many records as the warm-up and the measurement take. Where keys make its partitions unequal, and
     * where handlers take their time, it has more, so that the small ones last: what is measured would else be how the few
     * large ones are read to their ends.
     */
    private static TopicSpec topicOf(CaseSpec spec, Entry entry) {
        if (spec.probe() != ProbeKind.THROUGHPUT && spec.probe() != ProbeKind.POLLING) {
            return entry.topic();
        }
        long read = entry.load().warmUp() + entry.load().records();
        boolean unequal = entry.topic().distribution() == TopicSpec.Distribution.ZIPF
                || entry.load().handlerMicros() > 0
                || entry.setup().computeMicros() > 0;
        return entry.topic().withRecords(unequal ? read * 8 / 5 : read);
    }

    private static String classPath(Entry entry) throws IOException {
        if (entry.build() != null) {
            return ClassPaths.with(entry.build());
        }
        return entry.setup().withoutStarter() ? ClassPaths.withoutStarter() : ClassPaths.own();
    }

    private List<String> jvmOptions() {
        return List.of("-Xms" + options.heap(), "-Xmx" + options.heap());
    }

    private List<String> jvmOptions(Entry entry, int round) {
        List<String> all = new ArrayList<>(jvmOptions());
        if (options.jfr() != null) {
            all.add("-XX:StartFlightRecording=settings=profile,filename="
                    + options.jfr().resolve(entry.contender().id() + "-" + runs + "-round" + round + ".jfr"));
        }
        return all;
    }

    private static void say(String format, Object... arguments) {
        System.out.printf(Locale.ROOT, format + "%n", arguments);
    }

    /** What the rounds of one entry have given so far. */
    private static final class Collected {

        private final Entry entry;

        private final List<Map<String, Double>> runs = new ArrayList<>();

        private @Nullable String failure;

        Collected(Entry entry) {
            this.entry = entry;
        }

        Row row() {
            return new Row(entry.label(), entry.contender().family().name(), runs, failure);
        }
    }
}
