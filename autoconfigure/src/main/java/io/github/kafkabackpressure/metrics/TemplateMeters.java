package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.ProducerStats;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The meters of a buffered template, from when it is made until it is destroyed. They read its own counters when they are
 * scraped, so they cost nothing per record.
 *
 * <p>Threading: any thread.
 */
final class TemplateMeters extends SharedMeters {

    private static final String PREFIX = "kafka.backpressure.producer.";

    private final Tags tags;

    private final ProducerStats stats;

    TemplateMeters(MeterRegistry registry, String template, ProducerStats stats) {
        super(registry, PREFIX + template);
        this.tags = Tags.of("template", template);
        this.stats = stats;
    }

    @Override
    List<Meter> register(MeterRegistry registry) {
        List<Meter> meters = new ArrayList<>();
        meters.add(gauge(registry, "buffered", "records", "Records that wait in the buffer", ProducerStats::buffered));
        meters.add(gauge(registry, "buffered.limit", "records", "Records that may wait", ProducerStats::maxBuffered));
        meters.add(gauge(
                registry, "buffered.bytes", "bytes", "Bytes that wait in the buffer", ProducerStats::bufferedBytes));
        meters.add(gauge(
                registry, "in.flight", "records", "Records sent and not yet acknowledged", ProducerStats::inFlight));
        meters.add(gauge(
                registry, "in.flight.limit", "records", "Records that may be in flight", ProducerStats::maxInFlight));
        meters.add(gauge(
                registry, "slow", null, "1 while batches are enlarged because Kafka is slow", of -> of.slow() ? 1 : 0));
        meters.add(gauge(registry, "blocked", "threads", "Threads that wait to send", ProducerStats::blocked));
        meters.add(FunctionTimer.builder(
                        PREFIX + "blocked.time",
                        stats,
                        ProducerStats::blockedTotal,
                        ProducerStats::blockedNanos,
                        TimeUnit.NANOSECONDS)
                .description("How long threads have had to wait to send, those that still wait included")
                .tags(tags)
                .register(registry));
        for (BufferState state : BufferState.values()) {
            meters.add(Gauge.builder(PREFIX + "state", stats, of -> of.state() == state ? 1 : 0)
                    .description("1 for the state that the buffer is in")
                    .tags(tags.and("state", ListenerMeters.tag(state)))
                    .register(registry));
        }
        meters.add(FunctionCounter.builder(PREFIX + "accepted", stats, ProducerStats::accepted)
                .description("Records that were accepted")
                .baseUnit("records")
                .tags(tags)
                .register(registry));
        for (SendOutcome outcome : SendOutcome.values()) {
            meters.add(FunctionCounter.builder(PREFIX + "records", stats, of -> of.ended(outcome))
                    .description("How the sending of records ended")
                    .baseUnit("records")
                    .tags(tags.and("outcome", ListenerMeters.tag(outcome)))
                    .register(registry));
        }
        return meters;
    }

    private Meter gauge(
            MeterRegistry registry,
            String name,
            @Nullable String unit,
            String description,
            ToDoubleFunction<ProducerStats> value) {
        return Gauge.builder(PREFIX + name, stats, value)
                .description(description)
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }
}
