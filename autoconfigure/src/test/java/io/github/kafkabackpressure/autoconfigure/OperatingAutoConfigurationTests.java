package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.actuate.BackpressureEndpoint;
import io.github.kafkabackpressure.actuate.BackpressureHealthIndicator;
import io.github.kafkabackpressure.listener.Watchdog;
import io.github.kafkabackpressure.web.PressureFilter;
import io.github.kafkabackpressure.web.PressureRules;
import io.github.kafkabackpressure.web.RefusalAdvice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;

/** What there is to operate an application with, by what is on its class path. */
class OperatingAutoConfigurationTests {

    private static final AutoConfigurations ALL = AutoConfigurations.of(
            KafkaAutoConfiguration.class,
            KafkaBackpressureListenerAutoConfiguration.class,
            KafkaBackpressureProducerAutoConfiguration.class,
            KafkaBackpressureActuatorAutoConfiguration.class,
            KafkaBackpressureWebAutoConfiguration.class);

    private final ApplicationContextRunner runner = new ApplicationContextRunner().withConfiguration(ALL);

    private final WebApplicationContextRunner web = new WebApplicationContextRunner().withConfiguration(ALL);

    @Test
    void theEndpointIsThereWhereItIsExposedAndHealthAndTheWatchdogInAnyCase() {
        runner.run(context -> assertThat(context)
                .hasNotFailed()
                .hasSingleBean(Watchdog.class)
                .hasSingleBean(BackpressureHealthIndicator.class)
                .doesNotHaveBean(BackpressureEndpoint.class)
                .doesNotHaveBean(PressureRules.class));
        web.withPropertyValues("management.endpoints.web.exposure.include=kafkabackpressure")
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .hasSingleBean(BackpressureEndpoint.class)
                        .hasSingleBean(PressureFilter.class)
                        .hasSingleBean(RefusalAdvice.class));
    }

    @Test
    void healthIsSwitchedOffAsAnyOther() {
        runner.withPropertyValues("management.health.kafkaBackpressure.enabled=false")
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(BackpressureHealthIndicator.class));
    }

    @Test
    void nothingOfItNeedsToBeThere() {
        runner.withClassLoader(new FilteredClassLoader(
                        "org.springframework.boot.actuate",
                        "org.springframework.boot.health",
                        "org.springframework.web",
                        "jakarta.servlet",
                        "io.grpc"))
                .run(context -> assertThat(context).hasNotFailed().hasSingleBean(Watchdog.class));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "kafka.backpressure.health.listener-threshold=1.5 | kafka.backpressure.health.listener-threshold",
                "kafka.backpressure.health.grace=-1s | kafka.backpressure.health.grace",
                "kafka.backpressure.health.grace=9223372036854775807ms | kafka.backpressure.health.grace",
                "kafka.backpressure.web.min-retry-after=10ms | kafka.backpressure.web.min-retry-after",
                "kafka.backpressure.web.max-retry-after=500ms | kafka.backpressure.web.max-retry-after",
                "kafka.backpressure.web.rules[0].methods=POST | kafka.backpressure.web.rules[0].paths",
                "kafka.backpressure.web.rules[0].paths=/a,kafka.backpressure.web.rules[0].producer=x | rules[0].producer",
                "kafka.backpressure.web.rules[0].paths=/a,kafka.backpressure.web.rules[0].listener=x | rules[0].listener",
                "kafka.backpressure.web.rules[0].paths=/a,kafka.backpressure.web.rules[0].threshold=0 | rules[0].threshold"
            })
    void whatCannotWorkStopsTheStartByItsName(String properties, String name) {
        web.withPropertyValues(properties.split(",")).run(context -> {
            assertThat(context).hasFailed();
            Throwable cause = context.getStartupFailure();
            StringBuilder messages = new StringBuilder();
            while (cause != null) {
                messages.append(cause.getMessage()).append('\n');
                cause = cause.getCause();
            }
            assertThat(messages.toString()).contains(name);
        });
    }
}
