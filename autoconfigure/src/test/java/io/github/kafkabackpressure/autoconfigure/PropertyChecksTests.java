package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.UnknownBackpressurePropertyException;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.test.TestApp;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.AssertionsForClassTypes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.kafka.config.KafkaListenerEndpointRegistry;

/** Properties that do not exist, that lack a unit, and whose listeners are written in other ways. */
@ExtendWith(OutputCaptureExtension.class)
class PropertyChecksTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KafkaAutoConfiguration.class,
                    KafkaBackpressureListenerAutoConfiguration.class,
                    KafkaBackpressureProducerAutoConfiguration.class))
            .withUserConfiguration(Listeners.class)
            .withPropertyValues(
                    "spring.kafka.consumer.group-id=group",
                    "spring.kafka.bootstrap-servers=localhost:1",
                    "spring.kafka.listener.auto-startup=false");

    static class Listeners {

        @BackpressuredListener(id = "order-payments", topics = "topic")
        void dashed(String value) {}

        @BackpressuredListener(id = "orders.eu", topics = "topic")
        void dotted(String value) {}

        @BackpressuredListener(id = "OrdersUS", topics = "topic")
        void capital(String value) {}
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            kafka.backpressure.listners.payments.max-in-flight,     kafka.backpressure.listeners.payments.max-in-flight
            kafka.backpressure.listeners.payments.max-inflght,      kafka.backpressure.listeners.payments.max-in-flight
            kafka.backpressure.listener.max-inflght,                kafka.backpressure.listener.max-in-flight
            kafka.backpressure.listeners.max-in-flight,             kafka.backpressure.listener.max-in-flight
            kafka.backpressure.listeners.orders.eu.max-in-flight,   kafka.backpressure.listeners[orders.eu].max-in-flight
            kafka.backpressure.max-in-flight,                       kafka.backpressure.listener.max-in-flight
            kafka.backpressure.producer.overflw,                    kafka.backpressure.producer.overflow
            kafka.backpressure.producer.rate-limit.brust,           kafka.backpressure.producer.rate-limit.burst
            kafka.backpressure.producers.linger,                    kafka.backpressure.producer.linger
            """)
    void aPropertyThatDoesNotExistStopsTheStartWithTheNearestThatDoes(String property, String nearest) {
        runner.withPropertyValues(property + "=5")
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .isInstanceOf(UnknownBackpressurePropertyException.class)
                        .hasMessageContaining("'" + property + "'")
                        .hasMessageContaining("Did you mean '" + nearest + "'?"));
    }

    @Test
    void theStartSaysWhichPropertyDoesNotExist(CapturedOutput output) {
        AssertionsForClassTypes.assertThatThrownBy(() ->
                        TestApp.start("127.0.0.1:1", List.of(), "kafka.backpressure.listners.payments.ordering=key"))
                .isInstanceOf(UnknownBackpressurePropertyException.class);
        assertThat(output)
                .contains("Property: kafka.backpressure.listners.payments.ordering")
                .contains("Origin: \"kafka.backpressure.listners.payments.ordering\" from property source")
                .contains("Set 'kafka.backpressure.listeners.payments.ordering' if that is meant");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "kafka.backpressure.listener.maxInFlight",
                "kafka.backpressure.listener.max_in_flight",
                "kafka.backpressure.listeners.order-payments.maxInFlight",
                "kafka.backpressure.listeners[orders.eu].max-in-flight",
                "kafka.backpressure.listeners[OrdersUS].max-in-flight",
                "kafka.backpressure.producer.maxBuffered"
            })
    void whatBindsIsNotUnknown(String property) {
        runner.withPropertyValues(property + "=50000")
                .run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void propertiesOfWhatIsSwitchedOffAreKnown() {
        runner.withPropertyValues(
                        "kafka.backpressure.producer.enabled=false",
                        "kafka.backpressure.listener.enabled=false",
                        "kafka.backpressure.producer.flush-enabled=false",
                        "kafka.backpressure.producer.max-buffered=5",
                        "kafka.backpressure.listener.max-in-flight=5")
                .run(context -> assertThat(context).hasNotFailed());
    }

    private ApplicationContextRunner withEnvironment(Map<String, Object> variables) {
        return runner.withInitializer(context -> context.getEnvironment()
                .getPropertySources()
                .replace(
                        StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME,
                        new SystemEnvironmentPropertySource(
                                StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, variables)));
    }

    private static int maxInFlight(org.springframework.context.ApplicationContext context, String id) {
        return ((BackpressuredMessageListenerContainer<?, ?>)
                        context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer(id))
                .getOptions()
                .maxInFlight();
    }

    @Test
    void environmentVariablesSetAListenerByItsIdWithoutPunctuation(CapturedOutput output) {
        withEnvironment(Map.of(
                        "KAFKA_BACKPRESSURE_LISTENERS_ORDERPAYMENTS_MAXINFLIGHT", "41",
                        "KAFKA_BACKPRESSURE_LISTENERS_ORDERSEU_MAXINFLIGHT", "42",
                        "KAFKA_BACKPRESSURE_LISTENERS_ORDERSUS_MAX_IN_FLIGHT", "43",
                        "KAFKA_BACKPRESSURE_LISTENER_MAX_CONCURRENCY", "7",
                        "KAFKA_BACKPRESSURE_SOMETHING_ELSE", "x"))
                .run(context -> {
                    assertThat(maxInFlight(context, "order-payments")).isEqualTo(41);
                    assertThat(maxInFlight(context, "orders.eu")).isEqualTo(42);
                    assertThat(maxInFlight(context, "OrdersUS")).isEqualTo(43);
                    assertThat(output).doesNotContain("no listener has the id").doesNotContain("sets nothing");
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ORDERS_EU_MAXINFLIGHT",
                "ORDERS_EU_MAX_IN_FLIGHT",
                "ORDERS_EU_RATELIMIT_RATE",
                "ORDERS_EU_RATE_LIMIT_RATE"
            })
    void anEnvironmentVariableWithAnUnderscoreInTheIdIsWarnedOf(String variable, CapturedOutput output) {
        withEnvironment(Map.of("KAFKA_BACKPRESSURE_LISTENERS_" + variable, "42"))
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(maxInFlight(context, "orders.eu")).isEqualTo(1000);
                    assertThat(output)
                            .contains("'ORDERS_EU' for the id of a listener, and sets nothing")
                            .contains(" as ORDERSEU.");
                });
    }

    @Test
    void anEnvironmentVariableGoesBeforeAFileAndTheOtherKeysOfTheFileStay() {
        withEnvironment(Map.of("KAFKA_BACKPRESSURE_LISTENERS_ORDERPAYMENTS_MAXINFLIGHT", "41"))
                .withPropertyValues("kafka.backpressure.listeners[order-payments].max-concurrency=3")
                .run(context -> {
                    BackpressuredMessageListenerContainer<?, ?> container = (BackpressuredMessageListenerContainer<
                                    ?, ?>)
                            context.getBean(KafkaListenerEndpointRegistry.class).getListenerContainer("order-payments");
                    assertThat(container.getOptions().maxInFlight()).isEqualTo(41);
                    assertThat(container.getOptions().maxConcurrency()).isEqualTo(3);
                });
    }

    @ParameterizedTest
    @CsvSource(textBlock = """
            kafka.backpressure.listener.drain-timeout,                  20,          20
            kafka.backpressure.listener.drain-timeout,                  ${none:20},  20
            kafka.backpressure.listeners.order-payments.batch-linger,   5,           5
            kafka.backpressure.producer.max-block,                      60,          60
            kafka.backpressure.producer.slow-mode.threshold,            999,         999
            """)
    void aBareNumberOfLessThanASecondStopsTheStart(String property, String text, String number) {
        runner.withPropertyValues(property + "=" + text)
                .run(context -> assertThat(context)
                        .hasFailed()
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(InvalidBackpressurePropertyException.class)
                        .hasMessage(
                                "'%s' is '%s'. It must be a duration with its unit, %ss, or %sms if less than a second is meant.",
                                property, number, number, number));
    }

    @ParameterizedTest
    @ValueSource(strings = {"20ms", "20s", "0", "1000"})
    void durationsWithAUnitOrOfASecondAreTaken(String text) {
        runner.withPropertyValues("kafka.backpressure.listener.drain-timeout=" + text)
                .run(context -> assertThat(context).hasNotFailed());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            kafka.backpressure.listener.ordering      | alphabetic | one of partition, key, unordered
            kafka.backpressure.producer.overflow      | spill      | one of block, reject, drop-newest
            kafka.backpressure.listener.max-in-flight | many       | a whole number
            kafka.backpressure.producer.linger        | soon       | a duration like 20s
            """)
    void aValueThatCannotBeReadIsAnsweredWithTheLegalOnes(String property, String value, String legal) {
        runner.withPropertyValues(property + "=" + value).run(context -> {
            Throwable cause = context.getStartupFailure();
            while (!(cause instanceof InvalidBackpressurePropertyException)) {
                assertThat(cause).isNotNull();
                cause = cause.getCause();
            }
            InvalidBackpressurePropertyException invalid = (InvalidBackpressurePropertyException) cause;
            assertThat(invalid.property()).isEqualTo(property);
            assertThat(invalid.value()).isEqualTo(value);
            assertThat(invalid.legal()).startsWith(legal);
        });
    }
}
