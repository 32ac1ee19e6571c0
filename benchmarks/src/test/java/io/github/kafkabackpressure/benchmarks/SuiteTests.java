package io.github.kafkabackpressure.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.benchmarks.CaseSpec.Entry;
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
        List<CaseSpec> cases = suite.cases(Options.parse(List.of("--contenders", "ours-key,kafka-template")));

        assertThat(cases)
                .isNotEmpty()
                .allSatisfy(spec -> assertThat(spec.entries())
                        .extracting(entry -> entry.contender().id())
                        .containsAnyOf("ours-key", "kafka-template")
                        .isSubsetOf("ours-key", "kafka-template"));
    }
}
