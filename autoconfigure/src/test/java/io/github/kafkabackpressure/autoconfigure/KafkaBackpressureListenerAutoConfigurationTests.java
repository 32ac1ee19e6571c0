package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.BackpressuredKafkaListenerContainerFactory;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerMetrics;
import io.github.kafkabackpressure.listener.ListenerOptions;
import io.github.kafkabackpressure.listener.ListenerSettings;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaHandler;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerContainerFactory;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;

class KafkaBackpressureListenerAutoConfigurationTests {

    private static final String OURS = BackpressuredListener.CONTAINER_FACTORY;

    private static final String BOOTS = "kafkaListenerContainerFactory";

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KafkaAutoConfiguration.class, KafkaBackpressureListenerAutoConfiguration.class))
            .withPropertyValues("spring.kafka.consumer.group-id=group", "spring.kafka.bootstrap-servers=localhost:1");

    private static ListenerOptions options(AssertableApplicationContext context, String id) {
        return container(context, id).getOptions();
    }

    private static BackpressuredMessageListenerContainer<?, ?> container(
            AssertableApplicationContext context, String id) {
        return (BackpressuredMessageListenerContainer<?, ?>)
                context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id);
    }

    @Test
    void theFactoryStandsBesideBootsOwn() {
        runner.withUserConfiguration(ByType.class).run(context -> {
            assertThat(context).hasBean(OURS).hasBean(BOOTS);
            assertThat(context.getBean(OURS)).isInstanceOf(BackpressuredKafkaListenerContainerFactory.class);
            assertThat(context.getBean(BOOTS)).isNotInstanceOf(BackpressuredKafkaListenerContainerFactory.class);
            assertThat(context.getBean(ByType.Injected.class).factory())
                    .as("who injects a factory by its type gets Boot's")
                    .isSameAs(context.getBean(BOOTS));
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class ByType {

        record Injected(KafkaListenerContainerFactory<?> factory) {}

        @Bean
        Injected injected(ConcurrentKafkaListenerContainerFactory<?, ?> factory) {
            return new Injected(factory);
        }
    }

    @Test
    void theFactoryIsSetUpByBootsConfigurer() {
        runner.withPropertyValues("spring.kafka.listener.concurrency=3", "spring.kafka.listener.client-id=client")
                .withUserConfiguration(Plain.class)
                .run(context -> {
                    assertThat(container(context, "plain").getConcurrency()).isEqualTo(3);
                    assertThat(container(context, "plain")
                                    .getContainerProperties()
                                    .getClientId())
                            .isEqualTo("client");
                });
    }

    @Configuration(proxyBeanMethods = false)
    static class OfTypesOfOnesOwn {

        @Bean
        ConsumerFactory<String, Integer> typedConsumerFactory() {
            return new DefaultKafkaConsumerFactory<>(Map.of());
        }
    }

    @Test
    void aConsumerFactoryOfOtherTypesIsUsed() {
        runner.withUserConfiguration(OfTypesOfOnesOwn.class)
                .run(context -> assertThat(context.getBean(OURS, BackpressuredKafkaListenerContainerFactory.class)
                                .getConsumerFactory())
                        .isSameAs(context.getBean(ConsumerFactory.class)));
    }

    @Test
    void staysAwayWithoutWhatBootConfigures() {
        new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(KafkaBackpressureListenerAutoConfiguration.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(OURS));
    }

    @Test
    void aFactoryOfTheUsersOwnGoesByThePropertiesToo() {
        runner.withUserConfiguration(FactoriesOfOnesOwn.class, OfOnesOwnFactories.class)
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withPropertyValues(
                        "kafka.backpressure.listener.commit-interval=3s",
                        "kafka.backpressure.listeners.second.max-in-flight=70")
                .run(context -> {
                    assertThat(options(context, "second").maxInFlight()).isEqualTo(70);
                    assertThat(options(context, "second").commitInterval()).isEqualTo(Duration.ofSeconds(3));
                    assertThat(options(context, "third").commitInterval())
                            .as("what the user has set stays")
                            .isEqualTo(ListenerOptions.of(List.of()).commitInterval());
                });
    }

    @Configuration(proxyBeanMethods = false)
    static class FactoriesOfOnesOwn {

        @Bean
        BackpressuredKafkaListenerContainerFactory<Object, Object> secondFactory(
                ConsumerFactory<Object, Object> consumers) {
            var factory = new BackpressuredKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumers);
            return factory;
        }

        @Bean
        BackpressuredKafkaListenerContainerFactory<Object, Object> thirdFactory(
                ConsumerFactory<Object, Object> consumers) {
            var factory = new BackpressuredKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(consumers);
            factory.setDefaults(ListenerSettings.NONE);
            return factory;
        }
    }

    static class OfOnesOwnFactories {

        @BackpressuredListener(
                id = "second",
                topics = "topic",
                autoStartup = "false",
                containerFactory = "secondFactory")
        void second(String value) {}

        @BackpressuredListener(id = "third", topics = "topic", autoStartup = "false", containerFactory = "thirdFactory")
        void third(String value) {}
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                OfBootsFactory.class,
                ClassOfBootsFactory.class,
                OfBootsFactoryByItsNameInAnExpression.class,
                OfBootsFactoryByAnExpression.class
            })
    void anOrdinaryFactoryStopsTheStart(Class<?> listener) {
        runner.withUserConfiguration(listener)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .hasStackTraceContaining("has containerFactory = ")
                        .hasStackTraceContaining(BOOTS)
                        .hasStackTraceContaining("which is not a BackpressuredKafkaListenerContainerFactory"));
    }

    static class OfBootsFactory {

        @BackpressuredListener(topics = "topic", autoStartup = "false", containerFactory = BOOTS)
        void listen(String value) {}
    }

    static class OfBootsFactoryByItsNameInAnExpression {

        @BackpressuredListener(topics = "topic", autoStartup = "false", containerFactory = "#{'" + BOOTS + "'}")
        void listen(String value) {}
    }

    static class OfBootsFactoryByAnExpression {

        @BackpressuredListener(topics = "topic", autoStartup = "false", containerFactory = "#{@" + BOOTS + "}")
        void listen(String value) {}
    }

    @BackpressuredListener(topics = "topic", autoStartup = "false", containerFactory = BOOTS)
    static class ClassOfBootsFactory {

        @KafkaHandler
        void listen(String value) {}
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void settingsOfAListenerThatThereIsNotAreWarnedOf(CapturedOutput output) {
        runner.withUserConfiguration(Plain.class)
                .withPropertyValues(
                        "kafka.backpressure.listeners.plain.max-in-flight=70",
                        "kafka.backpressure.listeners.plane.max-in-flight=70",
                        "kafka.backpressure.listeners[in.brackets].max-in-flight=70")
                .run(context -> assertThat(output)
                        .contains("kafka.backpressure.listeners.plane is set, but no listener has the id 'plane'")
                        .contains("no listener has the id 'in.brackets'")
                        .doesNotContain("'plain'"));
    }

    @Test
    void theFactoryBacksOffByName() {
        runner.withUserConfiguration(OwnFactory.class).run(context -> {
            assertThat(context).hasSingleBean(BackpressuredKafkaListenerContainerFactory.class);
            assertThat(context.getBean(OURS)).isSameAs(context.getBean(OwnFactory.class).made);
        });
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnFactory {

        private final BackpressuredKafkaListenerContainerFactory<Object, Object> made =
                new BackpressuredKafkaListenerContainerFactory<>();

        @Bean(OURS)
        BackpressuredKafkaListenerContainerFactory<Object, Object> own() {
            return made;
        }
    }

    @Test
    void bothAnnotationsWorkSideBySide() {
        runner.withUserConfiguration(Both.class).run(context -> {
            KafkaListenerEndpointRegistry registry = context.getBean(KafkaListenerEndpointRegistry.class);
            assertThat(registry.getListenerContainer("ours")).isInstanceOf(BackpressuredMessageListenerContainer.class);
            assertThat(registry.getListenerContainer("springs"))
                    .isNotNull()
                    .isNotInstanceOf(BackpressuredMessageListenerContainer.class);
        });
    }

    static class Both {

        @BackpressuredListener(id = "ours", topics = "topic", autoStartup = "false")
        void ours(String value) {}

        @KafkaListener(id = "springs", topics = "topic", autoStartup = "false")
        void springs(String value) {}
    }

    @Test
    void withoutAnySettingTheDefaultsApply() {
        runner.withUserConfiguration(Plain.class)
                .run(context -> assertThat(options(context, "plain"))
                        .isEqualTo(new ListenerOptions(
                                Ordering.PARTITION,
                                1000,
                                0,
                                0,
                                0.5,
                                16,
                                Duration.ofSeconds(20),
                                Duration.ofSeconds(1),
                                Duration.ZERO,
                                0,
                                Duration.ZERO)));
    }

    static class Plain {

        @BackpressuredListener(id = "plain", topics = "topic", autoStartup = "false")
        void plain(String value) {}
    }

    static class Wide {

        @BackpressuredListener(id = "wide", topics = "topic", autoStartup = "false", maxInFlight = "5000")
        void wide(String value) {}
    }

    @Test
    void aPartOfTheLimitIsCheckedAgainstTheLimitWhereverThatComesFrom() {
        runner.withUserConfiguration(Plain.class, Wide.class)
                .withPropertyValues(
                        "kafka.backpressure.listener.max-in-flight=3000",
                        "kafka.backpressure.listeners.plain.max-in-flight-per-partition=2000",
                        "kafka.backpressure.listeners.wide.batch-size=4000")
                .run(context -> {
                    assertThat(options(context, "plain").maxInFlightPerPartition())
                            .isEqualTo(2000);
                    assertThat(options(context, "wide").batchSize()).isEqualTo(4000);
                });
    }

    @Test
    void aDefaultIsCutToTheLimitOfAListener() {
        runner.withUserConfiguration(Plain.class, Wide.class)
                .withPropertyValues(
                        "kafka.backpressure.listener.batch-size=500",
                        "kafka.backpressure.listener.max-in-flight-per-partition=600",
                        "kafka.backpressure.listeners.plain.max-in-flight=100")
                .run(context -> {
                    assertThat(options(context, "plain").batchSize()).isEqualTo(100);
                    assertThat(options(context, "plain").maxInFlightPerPartition())
                            .isEqualTo(100);
                    assertThat(options(context, "wide").batchSize()).isEqualTo(500);
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"kafka.backpressure.listener.", "kafka.backpressure.listeners.plain."})
    void aPartOfTheLimitAboveItStopsTheStart(String prefix) {
        runner.withUserConfiguration(Plain.class)
                .withPropertyValues(prefix + "max-in-flight-per-partition=1001")
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessage(
                                "'%s' is '1001'. It must be a whole number from 1 to max-in-flight, which is 1000.",
                                prefix + "max-in-flight-per-partition"));
    }

    @Test
    void theDefaultsOfAllListenersComeFromTheProperties() {
        runner.withUserConfiguration(Plain.class)
                .withPropertyValues(
                        "kafka.backpressure.listener.ordering=key",
                        "kafka.backpressure.listener.max-in-flight=100",
                        "kafka.backpressure.listener.max-in-flight-per-partition=50",
                        "kafka.backpressure.listener.max-in-flight-bytes=16MB",
                        "kafka.backpressure.listener.resume-at=0.25",
                        "kafka.backpressure.listener.max-concurrency=4",
                        "kafka.backpressure.listener.drain-timeout=5s",
                        "kafka.backpressure.listener.commit-interval=200ms")
                .run(context -> assertThat(options(context, "plain"))
                        .isEqualTo(new ListenerOptions(
                                Ordering.KEY,
                                100,
                                50,
                                16 << 20,
                                0.25,
                                4,
                                Duration.ofSeconds(5),
                                Duration.ofMillis(200),
                                Duration.ZERO,
                                0,
                                Duration.ZERO)));
    }

    @Test
    void aListenersOwnPropertiesGoBeforeItsAnnotationAndThatBeforeTheDefaults() {
        runner.withUserConfiguration(Annotated.class)
                .withPropertyValues(
                        "kafka.backpressure.listeners.annotated.max-in-flight=10",
                        "kafka.backpressure.listener.max-in-flight=1",
                        "kafka.backpressure.listener.max-concurrency=2",
                        "kafka.backpressure.listener.resume-at=0.1")
                .run(context -> {
                    ListenerOptions options = options(context, "annotated");
                    assertThat(options.maxInFlight()).as("its own").isEqualTo(10);
                    assertThat(options.maxConcurrency()).as("its annotation").isEqualTo(7);
                    assertThat(options.ordering()).as("its annotation").isEqualTo(Ordering.UNORDERED);
                    assertThat(options.resumeAt()).as("the defaults").isEqualTo(0.1);
                });
    }

    static class Annotated {

        @BackpressuredListener(
                id = "annotated",
                topics = "topic",
                autoStartup = "false",
                ordering = Ordering.UNORDERED,
                maxInFlight = "77",
                maxConcurrency = "7")
        void annotated(String value) {}
    }

    @Test
    void attributesMayHoldPlaceholdersAndExpressions() {
        runner.withUserConfiguration(Expressive.class)
                .withPropertyValues("my.limit=60", "my.time=3s")
                .run(context -> assertThat(options(context, "expressive"))
                        .isEqualTo(new ListenerOptions(
                                Ordering.PARTITION,
                                60,
                                30,
                                2048,
                                0.5,
                                6,
                                Duration.ofSeconds(3),
                                Duration.ofSeconds(1),
                                Duration.ZERO,
                                0,
                                Duration.ZERO)));
    }

    static class Expressive {

        @BackpressuredListener(
                id = "expressive",
                topics = "topic",
                autoStartup = "false",
                maxInFlight = "${my.limit}",
                maxInFlightPerPartition = "#{${my.limit} / 2}",
                maxInFlightBytes = "${my.bytes:2KB}",
                resumeAt = "#{1.0 / 2}",
                maxConcurrency = "#{2 * 3}",
                drainTimeout = "${my.time}")
        void expressive(String value) {}
    }

    @Test
    void sixteenRecordsAreHandledAtOnceOnVirtualThreadsToo() {
        runner.withUserConfiguration(Plain.class)
                .withPropertyValues("spring.threads.virtual.enabled=true")
                .run(context ->
                        assertThat(options(context, "plain").maxConcurrency()).isEqualTo(16));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            max-in-flight               | 0    | 0      | a whole number from 1 to 1073741824
            max-in-flight               | -5   | -5     | a whole number from 1 to 1073741824
            max-in-flight-per-partition | 0    | 0      | a whole number from 1 to max-in-flight
            max-in-flight-bytes         | 0B   | 0B     | a size of at least 1B, like 16MB
            max-in-flight-bytes         | -1KB | -1024B | a size of at least 1B, like 16MB
            resume-at                   | -0.1 | -0.1   | a number from 0 to 1
            resume-at                   | 1.1  | 1.1    | a number from 0 to 1
            resume-at                   | NaN  | NaN    | a number from 0 to 1
            max-concurrency             | 0    | 0      | a whole number from 1 to 1073741824
            drain-timeout               | -1s  | PT-1S  | a duration from 0s to 1d
            drain-timeout               | 25h  | PT25H  | a duration from 0s to 1d
            commit-interval             | 0s   | PT0S   | a duration from 1ms to 1d
            commit-interval             | 2d   | PT48H  | a duration from 1ms to 1d
            """)
    void anImpossiblePropertyStopsTheStart(String key, String text, String value, String legal) {
        for (String prefix : new String[] {"kafka.backpressure.listener.", "kafka.backpressure.listeners.some."}) {
            runner.withPropertyValues(prefix + key + "=" + text)
                    .run(context -> assertThat(context)
                            .hasFailed()
                            .getFailure()
                            .rootCause()
                            .isInstanceOf(InvalidBackpressurePropertyException.class)
                            .hasMessage("'%s' is '%s'. It must be %s.", prefix + key, value, legal));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            maxInFlight             | 0    | 0     | a whole number from 1 to 1073741824
            maxInFlight             | many | many  | a whole number
            maxInFlightPerPartition | 1001 | 1001  | a whole number from 1 to max-in-flight, which is 1000
            maxInFlightPerPartition | x    | x     | a whole number
            maxInFlightBytes        | 1XB  | 1XB   | a size like 16MB
            maxInFlightBytes        | 0B   | 0B    | a size of at least 1B, like 16MB
            resumeAt                | 2    | 2.0   | a number from 0 to 1
            resumeAt                | half | half  | a number from 0 to 1
            maxConcurrency          | -1   | -1    | a whole number from 1 to 1073741824
            maxConcurrency          | 1.5  | 1.5   | a whole number
            drainTimeout            | soon | soon  | a duration like 20s
            drainTimeout            | -1s  | PT-1S | a duration from 0s to 1d
            """)
    void anImpossibleAttributeStopsTheStart(String attribute, String text, String value, String legal) {
        runner.withUserConfiguration(FromProperties.class)
                .withPropertyValues("my." + attribute + "=" + text)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .satisfies(failure -> assertThat(invalid(failure))
                                .hasMessage(
                                        "'@BackpressuredListener(%s)' is '%s'. It must be %s.",
                                        attribute, value, legal)));
    }

    private static Throwable invalid(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof InvalidBackpressurePropertyException)) {
            cause = cause.getCause();
        }
        return cause;
    }

    static class FromProperties {

        @BackpressuredListener(
                topics = "topic",
                autoStartup = "false",
                maxInFlight = "${my.maxInFlight:}",
                maxInFlightPerPartition = "${my.maxInFlightPerPartition:}",
                maxInFlightBytes = "${my.maxInFlightBytes:}",
                resumeAt = "${my.resumeAt:}",
                maxConcurrency = "${my.maxConcurrency:}",
                drainTimeout = "${my.drainTimeout:}")
        void listen(String value) {}
    }

    @Test
    void twoOrderingsStopTheStart() {
        runner.withUserConfiguration(TwoOrderings.class)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .satisfies(failure -> assertThat(invalid(failure))
                                .hasMessage(
                                        "'@BackpressuredListener(ordering)' is '2 orderings'. It must be one of them, or"
                                                + " none.")));
    }

    static class TwoOrderings {

        @BackpressuredListener(
                topics = "topic",
                autoStartup = "false",
                ordering = {Ordering.KEY, Ordering.PARTITION})
        void listen(String value) {}
    }

    @Test
    void aLimitBelowTheNumberOfConsumersStopsTheStart() {
        runner.withUserConfiguration(MoreConsumersThanRoom.class)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .satisfies(failure -> assertThat(invalid(failure))
                                .hasMessageStartingWith("'@BackpressuredListener(maxInFlight)' is '2'.")));
    }

    static class MoreConsumersThanRoom {

        @BackpressuredListener(id = "narrow", topics = "topic", concurrency = "3", maxInFlight = "2")
        void listen(String value) {}
    }

    @Test
    void metersAreMadeWhereThereIsARegistry() {
        runner.withUserConfiguration(Plain.class)
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .run(context -> {
                    BackpressuredMessageListenerContainer<?, ?> container = container(context, "plain");
                    context.getBean(KafkaBackpressureListenerAutoConfiguration.MetricsFactory.class)
                            .apply(container);
                    MeterRegistry registry = context.getBean(MeterRegistry.class);
                    assertThat(registry.get("kafka.backpressure.listener.limit")
                                    .tag("listener", "plain")
                                    .gauge()
                                    .value())
                            .isEqualTo(1000);
                });
    }

    @Test
    void nothingIsMeasuredWhereThereIsNoRegistry() {
        runner.withUserConfiguration(Plain.class).run(context -> {
            assertThat(context).doesNotHaveBean(MeterRegistry.class);
            assertThat(context.getBean(KafkaBackpressureListenerAutoConfiguration.MetricsFactory.class)
                            .apply(container(context, "plain")))
                    .isSameAs(ListenerMetrics.NOOP);
        });
    }

    @Test
    void worksWithoutMicrometersMeters() {
        runner.withUserConfiguration(Plain.class)
                .withClassLoader(new FilteredClassLoader("io.micrometer.core"))
                .run(context -> {
                    assertThat(context)
                            .hasNotFailed()
                            .doesNotHaveBean(KafkaBackpressureListenerAutoConfiguration.MetricsFactory.class);
                    assertThat(container(context, "plain")).isNotNull();
                });
    }

    @Test
    void staysAwayWhereThereIsNoSpringKafka() {
        runner.withClassLoader(new FilteredClassLoader("org.springframework.kafka"))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(OURS));
    }
}
