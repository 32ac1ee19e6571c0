package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.listener.ListenerOptions.Source;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RateLimitOptionsTests {

    @Test
    void aDefaultThatSaysHowWithoutHowManyLimitsNothing() {
        assertThat(of(Map.of(), Map.of("rate-limit.per", "key", "rate-limit.shared", "quota")))
                .isNull();
    }

    @Test
    void aListenersRateGoesWithTheDefaultsForTheRest() {
        RateLimitOptions options = of(
                Map.of("rate-limit.rate", 50),
                Map.of("rate-limit.per", "header:tenant", "rate-limit.shared", "quota", "rate-limit.burst", 10));

        assertThat(options.rate()).isEqualTo(50);
        assertThat(options.burst()).isEqualTo(10);
        assertThat(options.per()).isEqualTo(RateLimitOptions.Per.HEADER);
        assertThat(options.header()).isEqualTo("tenant");
        assertThat(options.shared()).isEqualTo("quota");
        assertThat(options.ahead()).isEqualTo(2);
    }

    @Test
    void aListenersWindowTakesThePlaceOfADefaultRate() {
        RateLimitOptions options =
                of(Map.of("rate-limit.window-records", 5), Map.of("rate-limit.rate", 50, "rate-limit.burst", 10));

        assertThat(options.windowRecords()).isEqualTo(5);
        assertThat(options.rate()).isZero();
    }

    @Test
    void aSourceIsNotRefusedForABurstThatAnotherOneHas() {
        Map<String, ?> own = Map.of("rate-limit.rate", 10, "rate-limit.cost", 20);
        assertThatCode(() -> ListenerOptions.checkAlone(source("listeners.orders", own)))
                .doesNotThrowAnyException();
        assertThat(of(own, Map.of("rate-limit.burst", 100)).cost()).isEqualTo(20);
        assertThatThrownBy(() -> of(own, Map.of()))
                .isInstanceOf(InvalidBackpressurePropertyException.class)
                .hasMessageContaining("listeners.orders.rate-limit.cost")
                .hasMessageContaining("1 to rate-limit.burst, which is 10");
    }

    @Test
    void aCostThatIsNoNumberIsAnExpression() {
        assertThat(of(Map.of("rate-limit.rate", 10, "rate-limit.cost", "value.size()"), Map.of())
                        .costExpression())
                .isEqualTo("value.size()");
    }

    private static RateLimitOptions of(Map<String, ?> own, Map<String, ?> defaults) {
        return ListenerOptions.of(List.of(source("listeners.orders", own), source("listener", defaults)))
                .overload()
                .rateLimit();
    }

    private static Source source(String prefix, Map<String, ?> keys) {
        return Source.ofProperties(prefix, ListenerSettings.of(keys));
    }
}
