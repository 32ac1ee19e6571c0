package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.producer.ProducerFlushLifecycle;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

class KafkaBackpressureProducerAutoConfigurationTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class));

    @Test
    void flushesWithinTheDefaultTime() {
        runner.run(context -> {
            assertThat(context).hasSingleBean(ProducerFlushLifecycle.class);
            assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                            .flushTimeout())
                    .isEqualTo(Duration.ofSeconds(20));
        });
    }

    @Test
    void flushesWithinTheTimeThatIsSet() {
        runner.withPropertyValues("kafka.backpressure.producer.flush-timeout=3s")
                .run(context -> assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                                .flushTimeout())
                        .isEqualTo(Duration.ofSeconds(3)));
    }

    @ParameterizedTest
    @CsvSource({"0s, PT0S", "-1s, PT-1S"})
    void anImpossibleTimeStopsTheStart(String text, String value) {
        runner.withPropertyValues("kafka.backpressure.producer.flush-timeout=" + text)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessage(
                                "'kafka.backpressure.producer.flush-timeout' is '%s'. It must be longer than zero,"
                                        + " such as 20s.",
                                value));
    }

    @Test
    void staysAwayWhereThereIsNoSpringKafka() {
        runner.withClassLoader(new FilteredClassLoader("org.springframework.kafka"))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ProducerFlushLifecycle.class));
    }
}
