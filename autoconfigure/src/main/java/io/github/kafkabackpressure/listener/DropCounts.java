package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/**
 * How many records a listener has dropped since it was made, by reason; the reason tells the strategy.
 *
 * <p>Threading: any thread.
 */
final class DropCounts {

    private final Map<DropReason, LongAdder> byReason = new EnumMap<>(DropReason.class);

    /** What drops records for a reason, as the properties have it: worked out once, not for each record. */
    private final Map<DropReason, String> strategies = new EnumMap<>(DropReason.class);

    private final ListenerMetrics metrics;

    DropCounts(OverloadOptions options, ListenerMetrics metrics) {
        this.metrics = metrics;
        for (DropReason reason : DropReason.values()) {
            byReason.put(reason, new LongAdder());
            strategies.put(reason, options.strategy(reason));
        }
    }

    void count(DropReason reason) {
        adder(reason).increment();
        metrics.dropped(strategy(reason), reason);
    }

    private LongAdder adder(DropReason reason) {
        return Objects.requireNonNull(byReason.get(reason));
    }

    /** What drops records for a reason, as the properties have it. */
    String strategy(DropReason reason) {
        return Objects.requireNonNull(strategies.get(reason));
    }

    /** How many for whatever reason. */
    long total() {
        long sum = 0;
        for (LongAdder count : byReason.values()) {
            sum += count.sum();
        }
        return sum;
    }

    /** The counts of the reasons for which records were dropped. */
    Map<DropReason, Long> counts() {
        Map<DropReason, Long> counts = new EnumMap<>(DropReason.class);
        for (DropReason reason : DropReason.values()) {
            long count = adder(reason).sum();
            if (count > 0) {
                counts.put(reason, count);
            }
        }
        return counts;
    }
}
