package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.actuate.DashboardEndpoint;
import io.github.kafkabackpressure.actuate.DashboardRuntimeHints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.boot.actuate.autoconfigure.endpoint.EndpointAutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;

/** When there is a live page. */
@ExtendWith(OutputCaptureExtension.class)
class KafkaBackpressureDashboardAutoConfigurationTests {

    private static final String ENABLED = "kafka.backpressure.dashboard.enabled=true";

    private static final String EXPOSED = "management.endpoints.web.exposure.include=*";

    private final WebApplicationContextRunner runner = new WebApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    EndpointAutoConfiguration.class, KafkaBackpressureDashboardAutoConfiguration.class));

    @ParameterizedTest
    @ValueSource(strings = {"kafka.backpressure.dashboard.enabled=false", "kafka.backpressure.listener.enabled=true"})
    void thereIsNoneUnlessItIsSwitchedOn(String property) {
        runner.withPropertyValues(EXPOSED, property)
                .run(context -> assertThat(context).doesNotHaveBean(DashboardEndpoint.class));
    }

    @Test
    void itIsThereWhereItIsSwitchedOnAndExposed() {
        runner.withPropertyValues(EXPOSED, ENABLED)
                .run(context -> assertThat(context).hasSingleBean(DashboardEndpoint.class));
    }

    @Test
    void whereItCannotBeSeenTheLogSaysWhatIsMissing(CapturedOutput output) {
        runner.withPropertyValues(ENABLED).run(context -> {
            assertThat(context).hasNotFailed().doesNotHaveBean(DashboardEndpoint.class);
            assertThat(output)
                    .contains("add kafkabackpressure and kafkabackpressuredashboard to"
                            + " management.endpoints.web.exposure.include");
        });
    }

    @Test
    void withoutTheLibraryOfThePlotsTheStartIsRefusedByItsName() {
        runner.withPropertyValues(EXPOSED, ENABLED)
                .withClassLoader(new FilteredClassLoader(new ClassPathResource("META-INF/resources/webjars/uplot/")))
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessageContaining("kafka.backpressure.dashboard.enabled")
                        .hasMessageContaining(DashboardEndpoint.PLOTS_LIBRARY));
    }

    @Test
    void aNativeImageHasAllThatThePageLoads() throws IOException {
        RuntimeHints hints = new RuntimeHints();
        new DashboardRuntimeHints().registerHints(hints, null);
        PathMatchingResourcePatternResolver resolver = new PathMatchingResourcePatternResolver();
        List<String> files = Stream.of(
                        "classpath*:io/github/kafkabackpressure/actuate/dashboard/*.*",
                        "classpath*:META-INF/resources/webjars/uplot/*/dist/uPlot.esm.js")
                .flatMap(pattern -> find(resolver, pattern))
                .toList();
        assertThat(files)
                .hasSizeGreaterThan(13)
                .allSatisfy(file -> assertThat(RuntimeHintsPredicates.resource().forResource(file))
                        .accepts(hints));
    }

    private static Stream<String> find(PathMatchingResourcePatternResolver resolver, String pattern) {
        try {
            return Arrays.stream(resolver.getResources(pattern))
                    .map(Resource::getDescription)
                    .map(text -> text.replaceAll(".*(META-INF/resources/|io/github/kafkabackpressure/actuate/)", "$1")
                            .replaceAll("\\]$", ""));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
