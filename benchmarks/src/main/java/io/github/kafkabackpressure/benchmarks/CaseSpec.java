package io.github.kafkabackpressure.benchmarks;

import io.github.kafkabackpressure.benchmarks.contender.Commits;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import io.github.kafkabackpressure.benchmarks.contender.Load;
import io.github.kafkabackpressure.benchmarks.contender.ProbeKind;
import io.github.kafkabackpressure.benchmarks.contender.Setup;
import io.github.kafkabackpressure.benchmarks.report.Metric;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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

    /**
     * One contender's part: its topic, its load, and how it is set up; and the jar of another build of this project, if it
     * is not the present one that is measured.
     */
    record Entry(
            String label,
            Contender contender,
            TopicSpec topic,
            Load load,
            Setup setup,
            @Nullable Path build) {

        Entry(String label, Contender contender, TopicSpec topic, Load load, Setup setup) {
            this(label, contender, topic, load, setup, null);
        }

        Entry(String label, Contender contender, TopicSpec topic, Load load) {
            this(label, contender, topic, load, Setup.DEFAULT);
        }

        Entry labelled(String newLabel) {
            return new Entry(newLabel, contender, topic, load, setup, build);
        }

        Entry with(Setup newSetup) {
            return new Entry(label, contender, topic, load, newSetup, build);
        }

        /** The same with another build of this project, and called so. */
        Entry of(String name, Path jar) {
            return new Entry(label + ", " + name, contender, topic, load, setup, jar);
        }

        /** The same with one commit a second, and called so. */
        Entry committingEachSecond() {
            return with(setup.withCommits(Commits.EACH_SECOND)).labelled(label + ", commits each second");
        }
    }

    /** The same, and this project's contenders with those builds of it besides. */
    CaseSpec with(Map<String, Path> builds) {
        List<Entry> all = new ArrayList<>();
        for (Entry entry : entries) {
            all.add(entry);
            if (entry.contender().family() == Contender.Family.OURS) {
                builds.forEach((name, jar) -> all.add(entry.of(name, jar)));
            }
        }
        return new CaseSpec(title, description, probe, primary, baseline, all);
    }

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
