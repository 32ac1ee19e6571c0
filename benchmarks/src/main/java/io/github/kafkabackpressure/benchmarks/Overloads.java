package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The cases of the suite {@code overload}: what is paid for each answer to overload. */
final class Overloads {

    private Overloads() {}

    static List<CaseSpec> cases(Options options) {
        List<CaseSpec> cases = new ArrayList<>();
        for (Contender contender : List.of(Contender.OURS_KEY, Contender.OURS_UNORDERED)) {
            cases.add(fourTimes(contender, options));
        }
        cases.add(tokens(options));
        cases.add(shedding(options));
        return cases;
    }

    private static CaseSpec fourTimes(Contender contender, Options options) {
        // Four times as long a warm-up as the measurement: while the JVM starts, some seconds' records pile up. A
        // consumer
        // that does not pause has to catch up with them, and the JIT compiler is busy on the same cores for half a
        // minute.
        Load load = Cases.load(options, 1000, 16, 100_000);
        Load waiting = load.withRecords(4 * load.records(), load.records()).withLimit(60);
        int perSecond = 4 * waiting.concurrency() * 1000;
        Load sent = waiting.withSentPerSecond(perSecond);
        return Cases.rate(
                "Four times as many records as 16 workers can handle: " + contender.label(),
                Cases.describe(Cases.TOPIC, waiting)
                        + String.format(" %,d records a second are sent meanwhile.", perSecond),
                List.of(
                        new Entry("overflow pause", contender, Cases.TOPIC, sent),
                        set("overflow drop-oldest", contender, sent, "overflow", "drop-oldest"),
                        new Entry("overflow pause, a filled topic, nothing sent", contender, Cases.TOPIC, waiting)));
    }

    private static CaseSpec tokens(Options options) {
        Contender contender = Contender.OURS_UNORDERED;
        Load noOp = Cases.noOpCompiled(options, 2_000_000);
        return Cases.rate(
                "No-op handler, a token bucket",
                Cases.describe(Cases.TOPIC, noOp),
                List.of(
                        new Entry("no rate limit", contender, Cases.TOPIC, noOp),
                        set("1,000,000/s", contender, noOp, "rate-limit.rate", "1000000"),
                        set("never empty", contender, noOp, "rate-limit.rate", "100000000")));
    }

    private static CaseSpec shedding(Options options) {
        Load noOp = Cases.noOpCompiled(options, 2_000_000);
        Load hardlyHandled = noOp.withHandler(100_000, 16).withLimit(30);
        return new CaseSpec(
                "Records that are shed",
                "Sixteen workers that wait 100 ms for each record; all others are dropped as fast as they are polled. "
                        + Cases.TOPIC.describe(),
                ProbeKind.POLLING,
                Metric.CONSUMER,
                null,
                List.of(
                        new Entry(Contender.BARE.label(), Contender.BARE, Cases.TOPIC, noOp),
                        set("drop-newest", Contender.OURS_UNORDERED, hardlyHandled, "overflow", "drop-newest"),
                        set("drop-oldest", Contender.OURS_UNORDERED, hardlyHandled, "overflow", "drop-oldest"),
                        set("drop-oldest, key", Contender.OURS_KEY, hardlyHandled, "overflow", "drop-oldest")));
    }

    private static Entry set(String label, Contender contender, Load load, String key, String value) {
        return new Entry(label, contender, Cases.TOPIC, load.withSettings(Map.of(key, value)));
    }
}
