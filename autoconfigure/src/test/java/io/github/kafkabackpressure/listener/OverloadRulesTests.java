package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.Ordering;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The table of {@code docs/overload.md}. */
class OverloadRulesTests {

    @ParameterizedTest
    @EnumSource(Ordering.class)
    void everyOrderingGoesWithEveryOverflowButConflateWithNone(Ordering ordering) {
        for (ListenerOverflow overflow : ListenerOverflow.values()) {
            boolean refused = ordering == Ordering.UNORDERED && overflow == ListenerOverflow.CONFLATE;
            assertThat(broken(Map.of("ordering", ordering, "overflow", overflow), false, false) != null)
                    .as("%s, %s", ordering, overflow)
                    .isEqualTo(refused);
        }
    }

    @ParameterizedTest
    @EnumSource(ListenerOverflow.class)
    void batchesGoWithEveryOverflowButConflate(ListenerOverflow overflow) {
        assertThat(broken(Map.of("overflow", overflow), true, false) != null)
                .isEqualTo(overflow == ListenerOverflow.CONFLATE);
    }

    @ParameterizedTest
    @CsvSource({
        "overflow, drop-oldest, overflow=drop-oldest",
        "overflow, conflate, overflow=conflate",
        "soft-limit, 10, soft-limit",
        "max-age, 5s, max-age"
    })
    void nothingIsDroppedInTransactions(String key, String value, String named) {
        assertThat(broken(Map.of(key, value), false, true)).contains(named).contains("transaction");
    }

    @ParameterizedTest
    @CsvSource({"rate-limit.rate, 50", "priority-header, worth", "topic-priority.orders, 9", "overflow, pause"})
    void whatDropsNothingGoesWithTransactions(String key, String value) {
        assertThat(broken(Map.of(key, value), false, true)).isNull();
    }

    @ParameterizedTest
    @EnumSource(value = ListenerOverflow.class, names = "PAUSE", mode = EnumSource.Mode.EXCLUDE)
    void whatIsDroppedDoesNotComeBackByTheListenersOwnTopic(ListenerOverflow overflow) {
        assertThat(broken(Map.of("overflow", overflow, "dropped-to", "orders"), false, false))
                .contains("dropped-to=orders");
    }

    private static String broken(Map<String, ?> keys, boolean batch, boolean transactions) {
        ListenerOptions options = ListenerOptions.of(
                List.of(ListenerOptions.Source.ofProperties("listener", ListenerSettings.of(new HashMap<>(keys)))));
        OverloadRules.Refusal refusal = OverloadRules.refusal(options, batch, transactions, List.of("orders"));
        return refusal == null ? null : refusal.reason() + " " + refusal.action();
    }
}
