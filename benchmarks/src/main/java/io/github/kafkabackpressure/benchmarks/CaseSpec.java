package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A case to run: contenders, each with its load.
 *
 * @param title what is measured
 * @param description the load, in words
 * @param probe what each run measures
 * @param primary the metric that counts
 * @param baseline the label of the entry that others are set against, or null for the first
 * @param entries who runs
 */
record CaseSpec(
        String title,
        String description,
        ProbeKind probe,
        Metric primary,
        @Nullable String baseline,
        List<Entry> entries) {

    /** One contender's part: its topic and its load. */
    record Entry(String label, Contender contender, TopicSpec topic, Load load) {}

    CaseSpec only(Predicate<Contender> wanted) {
        return new CaseSpec(
                title,
                description,
                probe,
                primary,
                baseline,
                entries.stream().filter(entry -> wanted.test(entry.contender())).toList());
    }
}
