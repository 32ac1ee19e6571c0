package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class InvalidBackpressurePropertyFailureAnalyzerTests {

    @Test
    void aPropertyThatIsRefusedWhileItIsBoundIsNamedWithItsValueAndWhatIsLegal(CapturedOutput output) {
        SpringApplication application = new SpringApplication(Config.class);
        application.setWebApplicationType(WebApplicationType.NONE);

        assertThatThrownBy(() -> application.run("--some.limit=-3"))
                .hasRootCauseInstanceOf(InvalidBackpressurePropertyException.class);

        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("Property: some.limit")
                .contains("Value: -3")
                .contains("Legal: at least 1")
                .contains("Set 'some.limit' to at least 1.");
    }

    @EnableConfigurationProperties(Limit.class)
    static class Config {}

    @ConfigurationProperties("some")
    record Limit(int limit) {

        Limit {
            if (limit < 1) {
                throw new InvalidBackpressurePropertyException("some.limit", limit, "at least 1");
            }
        }
    }
}
