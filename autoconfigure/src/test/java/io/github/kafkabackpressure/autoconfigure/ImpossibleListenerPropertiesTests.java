package io.github.kafkabackpressure.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.kafkabackpressure.BackpressuredListener;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.test.TestApp;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Applications that do not start, and what they say of it (A6). */
@ExtendWith(OutputCaptureExtension.class)
class ImpossibleListenerPropertiesTests {

    /** Nothing listens there, and nothing gets so far as to find out. */
    private static final String NO_BROKER = "127.0.0.1:1";

    private static Throwable start(List<Class<?>> classes, String... properties) {
        return catchThrowable(
                () -> TestApp.start(NO_BROKER, classes, properties).close());
    }

    private static InvalidBackpressurePropertyException causeOf(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof InvalidBackpressurePropertyException invalid) {
                return invalid;
            }
        }
        throw new AssertionError("the start did not fail for a property", failure);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "max-in-flight               | 0                    | from 1 to",
                "max-in-flight               | -5                   | from 1 to",
                "max-in-flight               | 2000000000           | from 1 to",
                "max-in-flight-per-partition | 0                    | from 1 to max-in-flight",
                "max-in-flight-bytes         | 0B                   | at least 1B",
                "resume-at                   | 1.5                  | from 0 to 1",
                "resume-at                   | -0.1                 | from 0 to 1",
                "resume-at                   | NaN                  | from 0 to 1",
                "max-concurrency             | 0                    | from 1 to",
                "drain-timeout               | -1s                  | from 0s to 1d",
                "drain-timeout               | 3d                   | from 0s to 1d",
                "commit-interval             | 0s                   | from 1ms to 1d",
                "max-age                     | -1s                  | from 0s",
                "dropped-to                  | not a topic          | the name of a topic",
                "soft-limit                  | 0                    | from 1 to max-in-flight",
                "shed-priority               | 11                   | 0 to 10",
                "bypass-priority             | -1                   | 0 to 10",
                "default-priority            | 10                   | 0 to 9",
                "priority                    | value.               | a SpEL expression",
                "topic-priority.orders       | 10                   | 0 to 9",
                "rate-limit.rate             | 0                    | 1 to 1000000000 tokens a second",
                "rate-limit.window-records   | 0                    | 1 to 10000000 records"
            })
    void impossibleDefaultStopsTheStart(String key, String value, String legal, CapturedOutput output) {
        String property = "kafka.backpressure.listener." + key;
        InvalidBackpressurePropertyException failure = causeOf(start(List.of(), property + "=" + value));
        assertThat(failure.property()).isEqualTo(property);
        assertThat(failure.legal()).contains(legal);
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains(property)
                .contains(failure.value())
                .contains(legal);
    }

    /** A value that is impossible because of another one. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.cost=11          | 1 to rate-limit.burst, which is 10",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.cost=0           | 1 to rate-limit.burst, which is 10",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.cost=value..size | a SpEL expression",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.ahead=11         | 1 to rate-limit.burst, which is 10",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.per=tenant       | header:<name>",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.window=1s        | unset where rate-limit.rate",
                "rate-limit.rate=50      | rate-limit.burst=10  | rate-limit.window-records=5 | unset where rate-limit.rate",
                "rate-limit.window=1s    | rate-limit.window-records=5 | rate-limit.cost=2    | unset where rate-limit.window-records",
                "max-in-flight=10        | resume-at=0.5        | soft-limit=11               | max-in-flight, which is 10"
            })
    void aValueThatAnotherOneMakesImpossibleStopsTheStart(
            String one, String other, String impossible, String legal, CapturedOutput output) {
        String prefix = "kafka.backpressure.listener.";
        InvalidBackpressurePropertyException failure =
                causeOf(start(List.of(), prefix + one, prefix + other, prefix + impossible));
        assertThat(failure.property()).isEqualTo(prefix + impossible.substring(0, impossible.indexOf('=')));
        assertThat(failure.legal()).contains(legal);
        assertThat(output).contains("APPLICATION FAILED TO START").contains(failure.property());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "max-in-flight | many       |",
                "overflow      | drop-all   |",
                "ordering      | alphabetic |",
                "resume-at     | half       |",
                "drain-timeout | soon       |"
            })
    void unreadableDefaultStopsTheStart(String key, String value, String nothing, CapturedOutput output) {
        String property = "kafka.backpressure.listener." + key;
        assertThat(start(List.of(), property + "=" + value)).isNotNull();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains(property)
                .contains(value);
    }

    @Test
    void impossibleValueOfOneListenerStopsTheStartThoughItIsNotUsed() {
        InvalidBackpressurePropertyException failure =
                causeOf(start(List.of(), "kafka.backpressure.listeners.orders.resume-at=1.5"));
        assertThat(failure.property()).isEqualTo("kafka.backpressure.listeners.orders.resume-at");
        assertThat(failure.value()).isEqualTo("1.5");
        assertThat(failure.legal()).isEqualTo("a number from 0 to 1");
    }

    static class ImpossibleAnnotation {

        @BackpressuredListener(id = "impossible", topics = "t", maxInFlight = "${limit:0}")
        void on(String value) {}
    }

    @Test
    void impossibleAttributeOfTheAnnotationStopsTheStart(CapturedOutput output) {
        InvalidBackpressurePropertyException failure = causeOf(start(List.of(ImpossibleAnnotation.class)));
        assertThat(failure.property()).isEqualTo("@BackpressuredListener(maxInFlight)");
        assertThat(failure.value()).isEqualTo("0");
        assertThat(output).contains("@BackpressuredListener(maxInFlight)").contains("from 1 to");
    }

    @Test
    void placeholderOfAnAttributeIsResolvedBeforeItIsChecked() {
        InvalidBackpressurePropertyException failure = causeOf(start(List.of(ImpossibleAnnotation.class), "limit=-7"));
        assertThat(failure.value()).isEqualTo("-7");
    }

    static class ThreeConsumers {

        @BackpressuredListener(id = "three", topics = "t", concurrency = "3")
        void on(String value) {}
    }

    @Test
    void limitBelowTheNumberOfConsumersStopsTheStart(CapturedOutput output) {
        InvalidBackpressurePropertyException failure =
                causeOf(start(List.of(ThreeConsumers.class), "kafka.backpressure.listeners.three.max-in-flight=2"));
        assertThat(failure.property()).isEqualTo("kafka.backpressure.listeners.three.max-in-flight");
        assertThat(failure.value()).isEqualTo("2");
        assertThat(failure.legal()).contains("concurrency").contains("3");
        assertThat(output).contains("APPLICATION FAILED TO START");
    }

    @Test
    void limitOfOnePartitionAboveThatOfTheListenerStopsTheStart() {
        InvalidBackpressurePropertyException failure = causeOf(start(
                List.of(),
                "kafka.backpressure.listeners.orders.max-in-flight=10",
                "kafka.backpressure.listeners.orders.max-in-flight-per-partition=11"));
        assertThat(failure.property()).isEqualTo("kafka.backpressure.listeners.orders.max-in-flight-per-partition");
        assertThat(failure.legal()).contains("which is 10");
    }
}
