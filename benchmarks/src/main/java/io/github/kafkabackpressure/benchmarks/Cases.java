package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.TopicSpec.Distribution;
import io.github.kafkabackpressure.benchmarks.contender.Commits;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Setup;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** What the cases of several suites are made of: contenders, loads, topics, and how they are told. */
final class Cases {

    /** What throughput cases start from. */
    static final TopicSpec TOPIC =
            new TopicSpec(12, 0, 100, 10_000, Distribution.UNIFORM, TopicSpec.Values.TEXT, "none");

    /** So much in flight that no limit is felt. */
    static final int UNLIMITED = 1_000_000;

    /** More consumers than so many were not tried. */
    private static final int MOST_PARTITIONS = 100;

    private Cases() {}

    /** One commit a second, which this project's contenders have by default. */
    static Setup commits(Contender contender) {
        return contender.hasCommitInterval() ? Setup.DEFAULT.withCommits(Commits.EACH_SECOND) : Setup.DEFAULT;
    }

    static boolean handlesNoOp(Contender contender) {
        return switch (contender) {
            case BARE,
                    KAFKA_LISTENER,
                    KAFKA_LISTENER_BATCH,
                    PARALLEL_UNORDERED,
                    PARALLEL_KEY,
                    REACTOR,
                    REACTOR_SERIAL,
                    OURS_PARTITION,
                    OURS_KEY,
                    OURS_UNORDERED -> true;
            default -> false;
        };
    }

    private static boolean handlesWaiting(Contender contender, Load load) {
        return switch (contender) {
            case BARE_POOL, BARE_POOL_QUEUE -> !load.virtualThreads();
            case BARE_VIRTUAL, BARE_VIRTUAL_QUEUE -> load.virtualThreads();
            case KAFKA_LISTENER,
                    PARALLEL_UNORDERED,
                    PARALLEL_KEY,
                    PARALLEL_KEY_DEFAULTS,
                    REACTOR,
                    OURS_PARTITION,
                    OURS_KEY,
                    OURS_UNORDERED -> true;
            default -> false;
        };
    }

    static List<Contender> ours() {
        return List.of(Contender.OURS_PARTITION, Contender.OURS_KEY, Contender.OURS_UNORDERED);
    }

    static Load noOpCompiled(Options options, long full) {
        return Load.noOpCompiled(options.records(50_000, full)).withLimit(12);
    }

    static Load load(Options options, long handlerMicros, int concurrency, long full) {
        long records = options.records(full / 20, full);
        return Load.noOp(records)
                .withRecords(records / 5, records)
                .withHandler(handlerMicros, concurrency)
                .withLimit(options.isFull() ? 20 : 10);
    }

    static Entry limited(Contender contender, TopicSpec topic, Load load, int limit) {
        return new Entry(
                limit == UNLIMITED
                        ? contender.label() + ", unlimited"
                        : String.format("%s, max-in-flight %,d", contender.label(), limit),
                contender,
                topic,
                load.withMaxInFlight(limit));
    }

    /** Peers commit once a second, and {@code @KafkaListener} has a consumer for each partition: of twelve, and of enough. */
    static CaseSpec waiting(String title, TopicSpec topic, Load load) {
        List<Entry> entries = new ArrayList<>();
        for (Contender contender : Contender.values()) {
            if (!handlesWaiting(contender, load)) {
                continue;
            }
            Entry entry = new Entry(contender.label(), contender, topic, load, commits(contender));
            boolean limitedByPartitions =
                    contender == Contender.KAFKA_LISTENER || contender == Contender.OURS_PARTITION;
            if (!limitedByPartitions) {
                entries.add(entry);
                continue;
            }
            entries.add(entry.labelled(String.format("%s, %,d partitions", entry.label(), topic.partitions())));
            if (load.concurrency() <= MOST_PARTITIONS) {
                entries.add(new Entry(
                        String.format("%s, %,d partitions", contender.label(), load.concurrency()),
                        contender,
                        topic.withPartitions(load.concurrency()),
                        load,
                        commits(contender)));
            }
        }
        return rate(
                title,
                describe(topic, load)
                        + " One commit a second with all. The topic is longer than what is read, so that no partition"
                        + " ends before.",
                entries);
    }

    static CaseSpec rate(String title, TopicSpec topic, Load load, Predicate<Contender> which) {
        return rate(title, describe(topic, load), entries(topic, load, which));
    }

    static CaseSpec rate(String title, String description, List<Entry> entries) {
        return new CaseSpec(title, description, ProbeKind.THROUGHPUT, Metric.RECORDS_PER_SECOND, null, entries);
    }

    /** Those contenders with one commit a second; the client alone and spring-kafka as they are by default, too. */
    static List<Entry> entries(TopicSpec topic, Load load, Predicate<Contender> which) {
        List<Entry> entries = new ArrayList<>();
        for (Contender contender : Contender.values()) {
            if (which.test(contender)) {
                Entry entry = new Entry(contender.label(), contender, topic, load);
                if (contender.family() != Contender.Family.PEER || !contender.hasCommitInterval()) {
                    entries.add(entry);
                }
                if (contender.hasCommitInterval()) {
                    entries.add(entry.committingEachSecond());
                }
            }
        }
        return entries;
    }

    static String describe(TopicSpec topic, Load load) {
        return describe(topic, load, Setup.DEFAULT);
    }

    static String describe(TopicSpec topic, Load load, Setup setup) {
        return String.format(
                "%,d records after %,d to warm up, cut off after %d s; %s; %s; %,d at once, max-in-flight %,d where there"
                        + " is one%s.",
                load.records(),
                load.warmUp(),
                load.limitSeconds(),
                topic.describe(),
                handler(load, setup),
                load.concurrency(),
                load.maxInFlight(),
                load.virtualThreads() ? ", virtual threads" : "");
    }

    private static String handler(Load load, Setup setup) {
        if (setup.computeMicros() > 0) {
            return String.format("a handler that computes %,d µs", setup.computeMicros());
        }
        return load.handlerMicros() == 0
                ? "a handler that does nothing"
                : String.format("a handler that waits %,d µs", load.handlerMicros());
    }
}
