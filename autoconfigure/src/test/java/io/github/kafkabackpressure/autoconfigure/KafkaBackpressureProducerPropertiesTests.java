package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.ProducerFlushLifecycle;
import io.github.kafkabackpressure.producer.ProducerOptions;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;

class KafkaBackpressureProducerPropertiesTests {

    private static final String PREFIX = "kafka.backpressure.producer.";

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KafkaAutoConfiguration.class, KafkaBackpressureProducerAutoConfiguration.class));

    @Test
    void theDefaultsAreThoseOfTheOptions() {
        runner.run(context -> assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                        .options())
                .isEqualTo(ProducerOptions.defaults()));
    }

    @ParameterizedTest
    @CsvSource({
        "max-buffered, 0",
        "max-buffered-bytes, 0B",
        "soft-limit, 10001",
        "soft-limit, 0",
        "max-in-flight, 0",
        "batch-size, 0",
        "linger, -1s",
        "max-block, -1s",
        "default-priority, 10",
        "bypass-priority, 11",
        "shed-priority, -1",
        "flush-timeout, 0s",
        "rate-limit.rate, 0",
        "rate-limit.window-records, 0",
        "slow-mode.threshold, 0s",
        "spool-max-bytes, 0B"
    })
    void anImpossibleValueStopsTheStartAndIsNamed(String property, String value) {
        runner.withPropertyValues(PREFIX + property + "=" + value, PREFIX + "spool-directory=/tmp/never-made")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOfSatisfying(
                                InvalidBackpressurePropertyException.class,
                                failure -> assertThat(failure.property()).isEqualTo(PREFIX + property)));
    }

    @ParameterizedTest
    @CsvSource({
        "max-block, 1d, batch-size=1, 365d",
        "flush-timeout, 1h, batch-size=1, 1d",
        "linger, 1h, batch-size=1, 1d",
        "slow-mode.threshold, 1h, batch-size=1, 1d",
        "slow-mode.max-linger, 1h, slow-mode.threshold=1s, 1d",
        "rate-limit.window, 30d, rate-limit.window-records=1, 365d"
    })
    void aTimeThatNobodyWaitsForStopsTheStartAndIsNamed(String property, String sensible, String other, String most) {
        runner.withPropertyValues(PREFIX + other, PREFIX + property + "=" + sensible)
                .run(context -> assertThat(context).hasNotFailed());
        for (String tooLong : List.of(Long.MAX_VALUE + "ms", "110000d")) {
            runner.withPropertyValues(PREFIX + other, PREFIX + property + "=" + tooLong)
                    .run(context -> assertThat(context)
                            .getFailure()
                            .rootCause()
                            .isInstanceOf(InvalidBackpressurePropertyException.class)
                            .hasMessageStartingWith("'" + PREFIX + property + "' is ")
                            .hasMessageEndingWith(", and at most " + most + "."));
        }
    }

    @Test
    void kafkasOwnMaxBlockMayBeForEver() {
        runner.withPropertyValues("spring.kafka.producer.properties.max.block.ms=" + Long.MAX_VALUE)
                .run(context -> assertThat(context).hasNotFailed().hasSingleBean(BackpressuredKafkaTemplate.class));
    }

    @ParameterizedTest
    @CsvSource({
        "META-INF, META-INF",
        "spool/here, spool/here",
        "/var/spool/app, /var/spool/app",
        "file:/var/spool, /var/spool"
    })
    void aSpoolDirectoryIsWhereItIsWrittenAlsoIfTheClassPathHasOneOfThatName(String written, String directory) {
        runner.withPropertyValues(PREFIX + "spool-directory=" + written)
                .run(context -> assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                                .options()
                                .spool()
                                .directory())
                        .isEqualTo(Path.of(directory)));
    }

    @Test
    void anEmptySpoolDirectoryIsNone() {
        runner.withPropertyValues(PREFIX + "spool-directory=")
                .run(context -> assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                                .options()
                                .spool())
                        .isNull());
    }

    @Test
    void aCostAboveTheBurstStopsTheStart() {
        runner.withPropertyValues(
                        PREFIX + "rate-limit.rate=100", PREFIX + "rate-limit.burst=10", PREFIX + "rate-limit.cost=11")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessage("'kafka.backpressure.producer.rate-limit.cost' is '11'. It must be 1 to"
                                + " rate-limit.burst, which is 10."));
    }

    @ParameterizedTest
    @CsvSource({
        "rate-limit.burst, 5, rate-limit.rate",
        "rate-limit.cost, 2, rate-limit.rate",
        "rate-limit.window, 2s, rate-limit.window-records",
        "slow-mode.max-batch-size, 20000, slow-mode.threshold",
        "slow-mode.max-linger, 200ms, slow-mode.threshold",
        "spool-max-bytes, 1MB, spool-directory"
    })
    void aValueWithoutTheOneThatGivesItAnEffectStopsTheStart(String property, String value, String needed) {
        runner.withPropertyValues(PREFIX + property + "=" + value)
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessageStartingWith("'" + PREFIX + property + "' is ")
                        .hasMessageContaining("unset unless " + needed + " is set"));
    }

    @Test
    void aBatchIsNoLargerThanTheBuffer() {
        runner.withPropertyValues(PREFIX + "max-buffered=50", PREFIX + "batch-size=51")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessage("'kafka.backpressure.producer.batch-size' is '51'. It must be at most max-buffered,"
                                + " which is 50."));
        runner.withPropertyValues(PREFIX + "max-buffered=50")
                .run(context -> assertThat(context.getBean(KafkaBackpressureProducerProperties.class)
                                .options()
                                .batching()
                                .size())
                        .as("the default is cut")
                        .isEqualTo(50));
    }

    @Configuration(proxyBeanMethods = false)
    static class Customizing {

        @Bean
        ProducerOptionsCustomizer withoutWaiting() {
            return options -> new ProducerOptions(
                    options.limits(),
                    Overflow.REJECT,
                    options.maxBlock(),
                    options.maxInFlight(),
                    options.batching(),
                    options.priorities(),
                    options.rateLimit(),
                    options.slowMode(),
                    options.spool(),
                    options.flushTimeout());
        }

        @Bean
        BackpressuredKafkaTemplateCustomizer toOrders() {
            return template -> template.setDefaultTopic("orders");
        }
    }

    @Test
    void customizersHaveTheLastSay() {
        runner.withUserConfiguration(Customizing.class)
                .withPropertyValues("spring.kafka.template.default-topic=boots")
                .run(context -> assertThat(context.getBean(BackpressuredKafkaTemplate.class)
                                .getDefaultTopic())
                        .isEqualTo("orders"));
    }

    @Test
    void eachHalfOfTheProducersSideCanBeSwitchedOff() {
        runner.withPropertyValues(PREFIX + "enabled=false")
                .run(context -> assertThat(context)
                        .doesNotHaveBean(BackpressuredKafkaTemplate.class)
                        .doesNotHaveBean(ProducerFlushLifecycle.class)
                        .hasSingleBean(KafkaTemplate.class));
        runner.withPropertyValues(PREFIX + "flush-enabled=false").run(context -> {
            assertThat(context).hasSingleBean(BackpressuredKafkaTemplate.class);
            assertThat(notesProducers(context)).isFalse();
        });
        runner.run(context -> assertThat(notesProducers(context)).isTrue());
    }

    private static boolean notesProducers(AssertableApplicationContext context) {
        List<?> listeners = context.getBean(DefaultKafkaProducerFactory.class).getListeners();
        return listeners.stream()
                .anyMatch(listener -> listener.getClass().getName().contains("LiveProducers"));
    }

    @Test
    void aTokenBucketStartsWithBucket4j() {
        ApplicationContextRunner limited = runner.withPropertyValues(PREFIX + "rate-limit.rate=100");
        limited.run(context -> assertThat(context).hasSingleBean(BackpressuredKafkaTemplate.class));
    }

    @Test
    void withSeveralProducerFactoriesThereIsNoTemplateButTheFlush() {
        runner.withBean("one", DefaultKafkaProducerFactory.class, () -> new DefaultKafkaProducerFactory<>(Map.of()))
                .withBean("two", DefaultKafkaProducerFactory.class, () -> new DefaultKafkaProducerFactory<>(Map.of()))
                .withBean(
                        "kafkaTemplate",
                        KafkaTemplate.class,
                        () -> new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(Map.of())))
                .run(context -> assertThat(context)
                        .doesNotHaveBean(BackpressuredKafkaTemplate.class)
                        .hasSingleBean(ProducerFlushLifecycle.class));
    }

    @Test
    void metersAreThereWhereARegistryIs() {
        runner.run(context -> assertThat(context).doesNotHaveBean("kafkaBackpressureProducerMetrics"));
        runner.withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            MeterRegistry registry = context.getBean(MeterRegistry.class);
            assertThat(registry.get(PREFIX + "buffered").gauge().value()).isZero();
            assertThat(registry.get(PREFIX + "records")
                            .tag("outcome", "delivered")
                            .functionCounter()
                            .count())
                    .isZero();
        });
        runner.withClassLoader(new FilteredClassLoader("io.micrometer.core"))
                .run(context -> assertThat(context).hasSingleBean(BackpressuredKafkaTemplate.class));
    }
}
