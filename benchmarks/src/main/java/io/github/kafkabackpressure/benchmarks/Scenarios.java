package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Setup;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Suites for what applications meet besides handlers that wait or do nothing, wherever it may be lost or won. */
final class Scenarios {

    /** As short as the broker allows: it is what a group waits for when a member was killed. */
    private static final Map<String, String> SHORT_SESSION = Map.of("session.timeout.ms", "6000");

    private static final List<Contender> PARALLEL = List.of(
            Contender.PARALLEL_UNORDERED,
            Contender.PARALLEL_KEY,
            Contender.REACTOR,
            Contender.OURS_PARTITION,
            Contender.OURS_KEY,
            Contender.OURS_UNORDERED);

    private Scenarios() {}

    /** Handlers that keep a core busy. */
    static List<CaseSpec> computing(Options options) {
        return List.of(
                computing("A handler that computes 3 µs", 3, load(options, 4_000_000, 1_000_000)),
                computing("A handler that computes 50 µs", 50, load(options, 300_000, 200_000)));
    }

    private static CaseSpec computing(String title, long micros, Load load) {
        Setup computes = Setup.DEFAULT.withComputing(micros);
        List<Entry> entries = new ArrayList<>();
        for (Contender contender : List.of(Contender.BARE, Contender.BARE_POOL_QUEUE)) {
            entries.add(entry(contender, Cases.TOPIC, load, computes));
        }
        for (Contender contender : List.of(Contender.KAFKA_LISTENER, Contender.KAFKA_LISTENER_BATCH)) {
            for (int consumers : List.of(1, 2)) {
                Entry entry = entry(contender, Cases.TOPIC, load, computes.withConsumers(consumers));
                entries.add(consumers == 1 ? entry : entry.labelled(entry.label() + ", 2 consumers"));
            }
        }
        entries.add(entry(Contender.REACTOR_SERIAL, Cases.TOPIC, load, computes));
        PARALLEL.forEach(contender -> entries.add(entry(contender, Cases.TOPIC, load, computes)));
        return Cases.rate(title, Cases.describe(Cases.TOPIC, load, computes), entries);
    }

    /** One in a hundred records fails when it is handled first. */
    static List<CaseSpec> failing(Options options) {
        Setup failing = Setup.DEFAULT.withFailures(100);
        Load noOp = load(options, 200_000, 200_000);
        Load waiting = load(options, 20_000, 100_000).withHandler(1000, 16);
        TopicSpec topic = Cases.TOPIC.withKeys(1000);
        String how =
                " One record in a hundred fails at its first attempt: retried as each does by default, by a loop in"
                        + " bare ones and in reactor-kafka.";
        List<CaseSpec> cases = new ArrayList<>();
        cases.add(Cases.rate(
                "No-op handler, 1 % of the records fail once",
                Cases.describe(Cases.TOPIC, noOp, failing) + how, entries(Contender.BARE, Cases.TOPIC, noOp, failing)));
        cases.add(Cases.rate(
                "1 ms handler, 16 at once, 1 % of the records fail once",
                Cases.describe(topic, waiting, failing) + how,
                entries(Contender.BARE_POOL_QUEUE, topic, waiting, failing)));
        return cases;
    }

    /** How records come over the wire. */
    static List<CaseSpec> wire(Options options) {
        Load load = load(options, 5_000_000, 2_000_000);
        Load large = load(options, 5000, 10_000);
        TopicSpec words = Cases.TOPIC.withValues(TopicSpec.Values.WORDS);
        Setup tls = Setup.DEFAULT.withClient(Map.of("security.protocol", "SSL"));
        return List.of(
                wire("No-op handler, text that is not compressed", words, load, Setup.DEFAULT),
                wire("No-op handler, TLS", words, load, tls),
                wire("No-op handler, lz4", words.withCompression("lz4"), load, Setup.DEFAULT),
                wire("No-op handler, zstd", words.withCompression("zstd"), load, Setup.DEFAULT),
                wire("No-op handler, 100 KB records", Cases.TOPIC.withRecordBytes(100_000), large, Setup.DEFAULT));
    }

    private static CaseSpec wire(String title, TopicSpec topic, Load load, Setup setup) {
        List<Contender> measured = List.of(
                Contender.BARE,
                Contender.KAFKA_LISTENER,
                Contender.KAFKA_LISTENER_BATCH,
                Contender.REACTOR_SERIAL,
                Contender.OURS_PARTITION,
                Contender.OURS_KEY,
                Contender.OURS_UNORDERED);
        return Cases.rate(
                title,
                Cases.describe(topic, load, setup),
                measured.stream()
                        .map(contender -> entry(contender, topic, load, setup))
                        .toList());
    }

    /** What is handled twice when a process is killed. */
    static List<CaseSpec> killed(Options options) {
        long records = options.records(120_000, 300_000);
        Load load = Load.noOp(records)
                .withRecords(options.isFull() ? 40_000 : 10_000, records)
                .withHandler(1000, 16)
                .withLimit(30);
        TopicSpec topic = Cases.TOPIC.withKeys(1000).withRecords(records);
        Setup setup = Setup.DEFAULT.withClient(SHORT_SESSION);
        List<Entry> entries = new ArrayList<>();
        List<Contender> measured = List.of(
                Contender.BARE_POOL_QUEUE,
                Contender.KAFKA_LISTENER,
                Contender.KAFKA_LISTENER_BATCH,
                Contender.PARALLEL_UNORDERED,
                Contender.PARALLEL_KEY,
                Contender.REACTOR,
                Contender.OURS_PARTITION,
                Contender.OURS_KEY,
                Contender.OURS_UNORDERED);
        for (Contender contender : measured) {
            Entry entry = new Entry(contender.label(), contender, topic, load, setup);
            entries.add(entry);
            if (contender.hasCommitInterval()) {
                entries.add(entry.committingEachSecond());
            }
        }
        return List.of(new CaseSpec(
                "Records that come again after kill -9",
                String.format(
                        "A process is killed up to five seconds after it has handled %,d records; a second one, of the"
                                + " same group, counts what was handled before and comes again, and what never comes."
                                + " A handler that waits %,d µs, 16 at once; %s.",
                        load.warmUp(), load.handlerMicros(), topic.describe()),
                ProbeKind.REPEATED,
                Metric.REPEATED,
                null,
                entries));
    }

    /** A member of two is killed. */
    static List<CaseSpec> rebalance(Options options) {
        long records = options.records(300_000, 900_000);
        Load load =
                Load.noOp(records).withRecords(0, records).withHandler(1000, 16).withLimit(40);
        TopicSpec topic = Cases.TOPIC.withKeys(10_000).withPartitions(32).withRecords(records);
        Setup setup = Setup.DEFAULT.withClient(SHORT_SESSION);
        List<Contender> measured = List.of(
                Contender.BARE_POOL_QUEUE,
                Contender.KAFKA_LISTENER,
                Contender.PARALLEL_KEY,
                Contender.REACTOR,
                Contender.OURS_PARTITION,
                Contender.OURS_KEY,
                Contender.OURS_UNORDERED);
        return List.of(new CaseSpec(
                "From kill -9 of one of two members to full speed",
                "Two processes share the partitions; from the kill of one until the other has handled records of all"
                        + " partitions and is as fast as before. Six seconds of it are the session timeout. A handler that"
                        + " waits 1 ms, 16 at once; " + topic.describe() + ".",
                ProbeKind.SURVIVOR,
                Metric.FULL_SPEED,
                null,
                measured.stream()
                        .map(contender -> entry(contender, topic, load, setup))
                        .toList()));
    }

    /** An application with twenty listeners. */
    static List<CaseSpec> start() {
        long records = 1200;
        Load load = Load.noOp(records * 20).withLimit(60);
        TopicSpec topic = Cases.TOPIC.withRecords(records);
        Contender kafkas = Contender.KAFKA_LISTENERS;
        Contender ours = Contender.OURS_LISTENERS;
        return List.of(new CaseSpec(
                "An application with twenty listeners",
                String.format(
                        "The context's start, the records of a topic handled by all, and what is held five seconds"
                                + " later; %,d records, %s.",
                        records, topic.describe()),
                ProbeKind.START,
                Metric.CONTEXT_START,
                null,
                List.of(
                        new Entry(
                                kafkas.label() + ", without the starter",
                                kafkas,
                                topic,
                                load,
                                Setup.DEFAULT.withoutTheStarter()),
                        new Entry(kafkas.label() + ", with the starter", kafkas, topic, load),
                        new Entry(ours.label(), ours, topic, load))));
    }

    private static List<Entry> entries(Contender bare, TopicSpec topic, Load load, Setup setup) {
        List<Entry> entries = new ArrayList<>();
        entries.add(entry(bare, topic, load, setup));
        entries.add(entry(Contender.KAFKA_LISTENER, topic, load, setup));
        PARALLEL.forEach(contender -> entries.add(entry(contender, topic, load, setup)));
        return entries;
    }

    /** With one commit a second. */
    private static Entry entry(Contender contender, TopicSpec topic, Load load, Setup setup) {
        Entry entry = new Entry(contender.label(), contender, topic, load, setup);
        return contender.hasCommitInterval() ? entry.committingEachSecond() : entry;
    }

    private static Load load(Options options, long warmUp, long records) {
        long measured = options.records(records / 20, records);
        return Load.noOp(measured)
                .withRecords(options.isFull() ? warmUp : warmUp / 20, measured)
                .withLimit(options.isFull() ? 12 : 5);
    }
}
