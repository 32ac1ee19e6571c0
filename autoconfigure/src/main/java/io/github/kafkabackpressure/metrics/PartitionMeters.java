package io.github.kafkabackpressure.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Partition;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Meters of single partitions, for who wants so many. They follow the assignment: a partition's are there while it is
 * assigned.
 *
 * <p>Threading: any thread.
 */
final class PartitionMeters {

    private static final String PREFIX = "kafka.backpressure.listener.partition.";

    private final Map<MultiGauge, ToDoubleFunction<Partition>> gauges = new LinkedHashMap<>();

    private final MeterRegistry registry;

    private final Tags tags;

    @GuardedBy("this") private boolean removed;

    PartitionMeters(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        this.tags = tags;
        add("in.flight", "records", Partition::inFlight);
        add("paused", "", partition -> partition.paused() ? 1 : 0);
        add("lag", "records", partition -> Math.max(0, partition.lag()));
        add("frontier.lag", "records", partition -> Math.max(0, partition.frontierLag()));
        add("past.frontier", "records", Partition::pastFrontier);
        add("oldest.unfinished", "seconds", partition -> {
            Duration age = partition.oldestUnfinished();
            return age == null ? 0 : age.toNanos() / 1e9;
        });
    }

    private void add(String name, String unit, ToDoubleFunction<Partition> value) {
        gauges.put(MultiGauge.builder(PREFIX + name).tags(tags).baseUnit(unit).register(registry), value);
    }

    /** Takes in what there is now, or was when a scrape that comes late began. */
    synchronized void update(List<Partition> partitions) {
        if (removed) {
            return;
        }
        gauges.forEach((gauge, value) -> gauge.register(
                partitions.stream()
                        .<Row<?>>map(partition -> Row.of(
                                Tags.of("topic", partition.topic(), "partition", String.valueOf(partition.partition())),
                                value.applyAsDouble(partition)))
                        .toList(),
                true));
    }

    /** Takes them all out, for good. */
    synchronized void remove() {
        removed = true;
        gauges.keySet().forEach(gauge -> gauge.register(List.<Row<?>>of(), true));
    }
}
