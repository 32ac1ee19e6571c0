package io.github.kafkabackpressure.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
import io.github.kafkabackpressure.benchmarks.contender.Commits;
import io.github.kafkabackpressure.benchmarks.contender.Contender;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SuiteTests {

    @ParameterizedTest
    @EnumSource
    void hasEntriesWithLabelsOfTheirOwnInEveryCase(Suite suite) {
        List<CaseSpec> cases = suite.cases(Options.parse(List.of("--size", "full")));

        assertThat(cases).isNotEmpty().allSatisfy(spec -> {
            assertThat(spec.entries()).isNotEmpty().extracting(Entry::label).doesNotHaveDuplicates();
            if (spec.baseline() != null) {
                assertThat(spec.entries()).extracting(Entry::label).contains(spec.baseline());
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void runsOnlyWhoWasAskedFor(Suite suite) {
        List<String> asked = List.of("ours-key", "ours-key-json", "ours-listeners", "kafka-template");
        List<CaseSpec> cases = suite.cases(Options.parse(List.of("--contenders", String.join(",", asked))));

        assertThat(cases)
                .isNotEmpty()
                .allSatisfy(spec -> assertThat(spec.entries())
                        .extracting(entry -> entry.contender().id())
                        .isNotEmpty()
                        .isSubsetOf(asked));
    }

    @ParameterizedTest
    @EnumSource(names = {"THROUGHPUT", "SLOW", "COMPUTING", "FAILING", "WIRE", "FLATNESS"})
    void setsPeersBesideOursWithOneCommitASecond(Suite suite) {
        List<CaseSpec> cases = suite.cases(Options.parse(List.of("--size", "full")));

        assertThat(cases)
                .filteredOn(spec -> spec.entries().stream()
                        .anyMatch(entry -> entry.contender().hasCommitInterval()))
                .isNotEmpty()
                .allSatisfy(spec -> assertThat(
                                spec.entries().stream().map(Entry::contender).filter(Contender::hasCommitInterval))
                        .allSatisfy(contender -> assertThat(spec.entries())
                                .anyMatch(entry -> entry.contender() == contender
                                        && entry.setup().commits() == Commits.EACH_SECOND)));
    }
}
