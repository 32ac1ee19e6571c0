package io.github.kafkabackpressure.benchmarks;

import static io.github.kafkabackpressure.benchmarks.Cases.TOPIC;
import static io.github.kafkabackpressure.benchmarks.Cases.UNLIMITED;
import static io.github.kafkabackpressure.benchmarks.Cases.commits;
import static io.github.kafkabackpressure.benchmarks.Cases.describe;
import static io.github.kafkabackpressure.benchmarks.Cases.entries;
import static io.github.kafkabackpressure.benchmarks.Cases.handlesNoOp;
import static io.github.kafkabackpressure.benchmarks.Cases.limited;
import static io.github.kafkabackpressure.benchmarks.Cases.load;
import static io.github.kafkabackpressure.benchmarks.Cases.noOpCompiled;
import static io.github.kafkabackpressure.benchmarks.Cases.ours;
import static io.github.kafkabackpressure.benchmarks.Cases.rate;
import static io.github.kafkabackpressure.benchmarks.Cases.waiting;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.TopicSpec.Distribution;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.Load.Meters;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Setup;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The suites: what each runs, and with what load. */
enum Suite {
    THROUGHPUT("throughput", "handlers that do nothing"),
    SLOW("slow", "handlers that wait, as many at once as allowed"),
    LIMITS("limits", "what max-in-flight costs"),
    FLATNESS("flatness", "more partitions, more keys, more in flight"),
    LATENCY("latency", "from send to handler at 1,000 records a second"),
    METERS("meters", "what a meter registry costs"),
    RESUME("resume", "from the completion that makes room to the next record"),
    PRODUCER("producer", "sending, and the heap while the broker is frozen"),
    COMPUTING("computing", "handlers that compute"),
    FAILING("failing", "one record in a hundred fails once"),
    WIRE("wire", "TLS, compressed batches, 100 KB records"),
    KILLED("killed", "what comes again after kill -9"),
    REBALANCE("rebalance", "from the kill of one of two members to full speed"),
    OVERLOAD("overload", "what the answers to overload cost"),
    START("start", "an application with twenty listeners");

    private final String id;

    private final String summary;

    Suite(String id, String summary) {
        this.id = id;
        this.summary = summary;
    }

    String id() {
        return id;
    }

    String summary() {
        return summary;
    }

    /** The cases, with those contenders only that were asked for and that run on this JDK. */
    List<CaseSpec> cases(Options options) {
        Predicate<Contender> wanted = contender -> contender.runsOn(
                        Runtime.version().feature())
                && (options.contenders().isEmpty() || options.contenders().contains(contender.id()));
        return casesOf(options).stream()
                .filter(spec -> options.cases().stream().anyMatch((spec.title() + "$")::contains))
                .map(spec -> spec.only(wanted))
                .filter(spec -> !spec.entries().isEmpty())
                .toList();
    }

    private List<CaseSpec> casesOf(Options options) {
        return switch (this) {
            case THROUGHPUT -> throughput(options);
            case SLOW -> slow(options);
            case LIMITS -> limits(options);
            case FLATNESS -> flatness(options);
            case LATENCY -> latency(options);
            case METERS -> meters(options);
            case RESUME -> resume(options);
            case PRODUCER -> producer(options);
            case COMPUTING -> Scenarios.computing(options);
            case FAILING -> Scenarios.failing(options);
            case WIRE -> Scenarios.wire(options);
            case KILLED -> Scenarios.killed(options);
            case REBALANCE -> Scenarios.rebalance(options);
            case OVERLOAD -> Overloads.cases(options);
            case START -> Scenarios.start();
        };
    }

    private static List<CaseSpec> throughput(Options options) {
        Load load = noOpCompiled(options, 5_000_000);
        Load cold = load.withRecords(0, options.records(50_000, 1_000_000));
        Load large = Load.noOp(options.records(10_000, 50_000)).withLimit(15);
        TopicSpec json = TOPIC.withValues(TopicSpec.Values.JSON);
        return List.of(
                rate(
                        "No-op handler, uniform keys",
                        TOPIC,
                        load,
                        contender -> handlesNoOp(contender)
                                || contender == Contender.BARE_SMALL_POLLS
                                || contender == Contender.PARALLEL_KEY_DEFAULTS),
                rate(
                        "No-op handler, uniform keys, 4,000 in flight",
                        TOPIC,
                        load.withMaxInFlight(4000),
                        contender -> contender == Contender.BARE || ours().contains(contender)),
                rate("No-op handler, Zipf keys", TOPIC.withDistribution(Distribution.ZIPF), load, Cases::handlesNoOp),
                rate("No-op handler, the first records of a new JVM", TOPIC, cold, Cases::handlesNoOp),
                rate("No-op handler, 10 KB records", TOPIC.withRecordBytes(10_000), large, Cases::handlesNoOp),
                rate(
                        "No-op handler, payload signature",
                        TOPIC,
                        load,
                        contender -> contender == Contender.KAFKA_LISTENER_PAYLOAD
                                || contender == Contender.OURS_PARTITION_PAYLOAD
                                || contender == Contender.OURS_KEY_PAYLOAD),
                rate(
                        "No-op handler, JSON made into an object",
                        json,
                        noOpCompiled(options, 1_000_000),
                        contender ->
                                contender == Contender.KAFKA_LISTENER_JSON || contender == Contender.OURS_KEY_JSON));
    }

    private static List<CaseSpec> slow(Options options) {
        TopicSpec topic = TOPIC.withKeys(1000);
        List<CaseSpec> cases = new ArrayList<>();
        cases.add(waiting("0.1 ms handler, 16 at once", topic, load(options, 100, 16, 600_000)));
        cases.add(waiting("1 ms handler, 16 at once", topic, load(options, 1000, 16, 150_000)));
        cases.add(waiting("10 ms handler, 100 at once", topic, load(options, 10_000, 100, 100_000)));
        Load thousand = load(options, 10_000, 1000, 600_000).withMaxInFlight(4000);
        TopicSpec manyKeys = TOPIC.withKeys(100_000);
        if (Runtime.version().feature() >= 21) {
            cases.add(
                    waiting("10 ms handler, 1,000 at once, virtual threads", manyKeys, thousand.withVirtualThreads()));
        } else {
            cases.add(waiting("10 ms handler, 1,000 at once, platform threads", manyKeys, thousand));
        }
        return cases;
    }

    private static List<CaseSpec> limits(Options options) {
        Load noOp = noOpCompiled(options, 5_000_000);
        Load waiting = load(options, 1000, 16, 150_000);
        List<Entry> free = new ArrayList<>();
        List<Entry> pausing = new ArrayList<>();
        for (Contender contender : ours()) {
            for (int limit : List.of(UNLIMITED, 1000)) {
                free.add(limited(contender, TOPIC, noOp, limit));
            }
            if (contender.keepsPartitionOrder()) {
                continue; // Twelve partitions keep no sixteen workers busy.
            }
            for (int limit : List.of(UNLIMITED, 1000, 64, 32)) {
                pausing.add(limited(contender, TOPIC, waiting, limit));
            }
        }
        return List.of(
                rate("No-op handler, limited and unlimited", describe(TOPIC, noOp), free),
                rate("1 ms handler, 16 at once, constant pausing", describe(TOPIC, waiting), pausing));
    }

    /** One of the settings at a time is changed; what they start from is measured once for all of them. */
    private static List<CaseSpec> flatness(Options options) {
        Load load = noOpCompiled(options, 3_000_000);
        List<CaseSpec> cases = new ArrayList<>();
        for (Contender contender : Contender.values()) {
            if (!contender.isFlatnessSubject()) {
                continue;
            }
            List<Entry> entries = new ArrayList<>();
            entries.add(new Entry(
                    contender.label() + ", 12 partitions and 10,000 keys", contender, TOPIC, load, commits(contender)));
            for (int count : List.of(100, 500)) {
                entries.add(new Entry(
                        String.format("%s, %,d partitions", contender.label(), count),
                        contender,
                        TOPIC.withPartitions(count),
                        load,
                        commits(contender)));
            }
            if (contender.family() == Contender.Family.OURS) {
                for (int count : List.of(10, 1000, 100_000, 1_000_000)) {
                    entries.add(new Entry(
                            String.format("%s, %,d keys", contender.label(), count),
                            contender,
                            TOPIC.withKeys(count),
                            load));
                }
                for (int limit : List.of(100, 10_000, 100_000)) {
                    entries.add(limited(contender, TOPIC, load, limit));
                }
            }
            cases.add(rate("More of one thing: " + contender.label(), describe(TOPIC, load), entries));
        }
        return cases;
    }

    private static List<CaseSpec> latency(Options options) {
        Load load = Load.noOp(0)
                .withRecords(options.isFull() ? 10_000 : 6000, options.records(3000, 20_000))
                .withLimit(120)
                .withSentPerSecond(1000);
        List<Entry> entries = entries(TOPIC, load, Cases::handlesNoOp);
        return List.of(new CaseSpec(
                "Added latency at 1,000 records a second",
                "From the moment when a record is due to be sent to the handler's first line. " + describe(TOPIC, load),
                ProbeKind.LATENCY,
                Metric.LATENCY_MEDIAN,
                Contender.KAFKA_LISTENER.label(),
                entries));
    }

    private static List<CaseSpec> meters(Options options) {
        // Longer than elsewhere, as it is small differences that are looked for, and there is a scrape each second.
        long records = options.records(50_000, 10_000_000);
        Load load = Load.noOp(records).withLimit(15);
        List<Entry> entries = new ArrayList<>();
        for (Contender contender : ours()) {
            entries.add(new Entry(contender.label() + ", no registry", contender, TOPIC, load));
            entries.add(new Entry(contender.label() + ", all meters", contender, TOPIC, load.withMeters(Meters.ALL)));
            entries.add(new Entry(
                    contender.label() + ", and spring-kafka's timer",
                    contender,
                    TOPIC,
                    load.withMeters(Meters.WITH_TIMER)));
            entries.add(new Entry(
                    contender.label() + ", and histograms", contender, TOPIC, load.withMeters(Meters.HISTOGRAMS)));
        }
        return List.of(rate("No-op handler, meters", describe(TOPIC, load), entries));
    }

    private static List<CaseSpec> resume(Options options) {
        long rounds = options.records(10, 200);
        Load load = Load.noOp(0)
                .withRecords(rounds / 10 + 2, rounds)
                .withMaxInFlight(200)
                .withLimit(300);
        TopicSpec topic = TOPIC.withDistribution(Distribution.ONE_PARTITION).withRecords(100_000);
        return List.of(new CaseSpec(
                "Resume after a full stop",
                "max-in-flight 200, handlers held until nothing more is polled and then let go, the other partitions"
                        + " idle; from the completion that leaves 100 in flight to the first new record in a handler. "
                        + topic.describe(),
                ProbeKind.RESUME,
                Metric.RESUME_P99,
                null,
                ours().stream()
                        .map(contender -> new Entry(contender.label(), contender, topic, load))
                        .toList()));
    }

    private static List<CaseSpec> producer(Options options) {
        long records = options.records(50_000, 1_000_000);
        Load load = Load.noOp(records).withLimit(120);
        List<Entry> entries = Arrays.stream(Contender.values())
                .filter(Contender::produces)
                .map(contender -> new Entry(contender.label(), contender, TOPIC, load))
                .toList();
        List<Entry> both = new ArrayList<>();
        for (Entry entry : entries) {
            both.add(entry.labelled(entry.label() + ", buffer.memory 64 MB"));
            both.add(entry.with(Setup.DEFAULT.withClient(Map.of("buffer.memory", "4000000")))
                    .labelled(entry.label() + ", buffer.memory 4 MB"));
        }
        String settings = " One sending thread, acks=all, idempotent, batch.size 64 KB, linger 5 ms.";
        return List.of(
                new CaseSpec(
                        "Sent and acknowledged",
                        String.format("%,d records after %,d, %s.", records, load.warmUp(), TOPIC.describe())
                                + settings,
                        ProbeKind.SEND,
                        Metric.RECORDS_PER_SECOND,
                        null,
                        both),
                new CaseSpec(
                        "Live heap while the broker is frozen",
                        "Ten seconds of sending into a frozen broker." + settings,
                        ProbeKind.SEND_FROZEN,
                        Metric.HEAP_FROZEN,
                        null,
                        both));
    }
}
