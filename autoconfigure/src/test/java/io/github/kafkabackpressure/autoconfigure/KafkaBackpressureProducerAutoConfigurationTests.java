package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.ProducerFlushLifecycle;
import io.github.kafkabackpressure.producer.ProducerOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.LazyInitializationBeanFactoryPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;

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
    @CsvSource({"0s, PT0S", "-1s, PT-1S", "25h, PT25H"})
    void anImpossibleTimeStopsTheStart(String text, String value) {
        runner.withPropertyValues("kafka.backpressure.producer.flush-timeout=" + text)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessage(
                                "'kafka.backpressure.producer.flush-timeout' is '%s'. It must be longer than zero,"
                                        + " such as 20s, and at most 1d.",
                                value));
    }

    @Configuration(proxyBeanMethods = false)
    static class OfTypesOfOnesOwn {

        @Bean
        ProducerFactory<String, Integer> producerFactory() {
            return new DefaultKafkaProducerFactory<>(Map.of());
        }

        @Bean
        KafkaTemplate<String, Integer> template(ProducerFactory<String, Integer> factory) {
            return new KafkaTemplate<>(factory);
        }
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void aFlushThatSpringDoesNotWaitForIsWarnedOfByName(CapturedOutput output) {
        runner.withPropertyValues(
                        "spring.lifecycle.timeout-per-shutdown-phase=13s",
                        "kafka.backpressure.producer.flush-timeout=8s")
                .run(context -> assertThat(output).doesNotContain("flush-timeout"));
        runner.withPropertyValues(
                        "spring.lifecycle.timeout-per-shutdown-phase=12s",
                        "kafka.backpressure.producer.flush-timeout=8s")
                .run(context -> assertThat(output)
                        .contains("kafka.backpressure.producer.flush-timeout is 8000 ms")
                        .contains("no longer than 12000 ms (spring.lifecycle.timeout-per-shutdown-phase)"));
    }

    @Configuration(proxyBeanMethods = false)
    static class Patient {

        @Bean
        ProducerOptionsCustomizer patient() {
            return options -> new ProducerOptions(
                    options.limits(),
                    options.overflow(),
                    options.maxBlock(),
                    options.maxInFlight(),
                    options.batching(),
                    options.priorities(),
                    options.rateLimit(),
                    options.slowMode(),
                    options.spool(),
                    Duration.ofSeconds(40));
        }
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void theFlushTimeoutOfACustomizerCounts(CapturedOutput output) {
        runner.withUserConfiguration(Patient.class)
                .withPropertyValues("kafka.backpressure.producer.flush-timeout=8s")
                .run(context -> assertThat(output)
                        .doesNotContain("kafka.backpressure.producer.flush-timeout is")
                        .contains("flush-timeout of 'backpressuredKafkaTemplate' is 40000 ms"));
    }

    @Test
    void aTemplateIsMadeAtTheStartAlsoWithLazyInitializationSoThatItsSpoolIsSent(@TempDir Path directory) {
        runner.withInitializer(context ->
                        context.addBeanFactoryPostProcessor(new LazyInitializationBeanFactoryPostProcessor()))
                .withPropertyValues("kafka.backpressure.producer.spool-directory=" + directory)
                .run(context -> {
                    assertThat(context.getBeanFactory().containsSingleton("backpressuredKafkaTemplate"))
                            .isTrue();
                    assertThat(context.getBean(ProducerFlushLifecycle.class).isRunning())
                            .isTrue();
                });
    }

    @Test
    void aProducerFactoryOfOtherTypesIsUsed() {
        runner.withUserConfiguration(OfTypesOfOnesOwn.class)
                .run(context -> assertThat(context.getBean(BackpressuredKafkaTemplate.class)
                                .getProducerFactory())
                        .isSameAs(context.getBean(ProducerFactory.class)));
    }

    @Test
    void startsWithoutWhatBootConfigures() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(KafkaBackpressureProducerAutoConfiguration.class))
                .withUserConfiguration(OfTypesOfOnesOwn.class)
                .run(context -> assertThat(context).hasNotFailed().hasSingleBean(BackpressuredKafkaTemplate.class));
    }

    @Test
    void staysAwayWhereThereIsNoSpringKafka() {
        runner.withClassLoader(new FilteredClassLoader("org.springframework.kafka"))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ProducerFlushLifecycle.class));
    }
}
