package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.ProducerFlushReport;
import io.github.kafkabackpressure.producer.ProducerMetrics;
import io.github.kafkabackpressure.producer.ProducerStats;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.util.Locale;

/**
 * Reports the sending half to Micrometer, as {@code kafka.backpressure.producer.*}. The meters of a template read its
 * own counters when they are scraped, so they cost nothing per record.
 */
public final class MicrometerProducerMetrics implements ProducerMetrics {

    private static final String PREFIX = "kafka.backpressure.producer.";

    private final MeterRegistry registry;

    /** @param registry where the meters are registered */
    public MicrometerProducerMetrics(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public void templateOpened(String template, ProducerStats stats) {
        Tags tags = Tags.of("template", template);
        Gauge.builder(PREFIX + "buffered", stats, ProducerStats::buffered)
                .description("Records that wait in the buffer")
                .baseUnit("records")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "buffered.bytes", stats, ProducerStats::bufferedBytes)
                .description("Bytes that wait in the buffer")
                .baseUnit("bytes")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "in.flight", stats, ProducerStats::inFlight)
                .description("Records sent to Kafka and not yet acknowledged")
                .baseUnit("records")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "in.flight.limit", stats, ProducerStats::maxInFlight)
                .description("Records that may be in flight")
                .baseUnit("records")
                .tags(tags)
                .register(registry);
        Gauge.builder(PREFIX + "slow", stats, of -> of.slow() ? 1 : 0)
                .description("1 while batches are enlarged because Kafka is slow")
                .tags(tags)
                .register(registry);
        for (BufferState state : BufferState.values()) {
            Gauge.builder(PREFIX + "state", stats, of -> of.state() == state ? 1 : 0)
                    .description("1 for the state that the buffer is in")
                    .tags(tags.and("state", lowerCase(state)))
                    .register(registry);
        }
        FunctionCounter.builder(PREFIX + "accepted", stats, ProducerStats::accepted)
                .description("Records that were accepted")
                .baseUnit("records")
                .tags(tags)
                .register(registry);
        for (SendOutcome outcome : SendOutcome.values()) {
            FunctionCounter.builder(PREFIX + "records", stats, of -> of.ended(outcome))
                    .description("How the sending of records ended")
                    .baseUnit("records")
                    .tags(tags.and("outcome", lowerCase(outcome)))
                    .register(registry);
        }
    }

    @Override
    public void flushed(ProducerFlushReport report) {
        Timer.builder(PREFIX + "flush")
                .description("Flushes of all producers at shutdown")
                .tag("complete", Boolean.toString(report.complete()))
                .register(registry)
                .record(report.took());
        count("delivered", report.delivered());
        count("failed", report.failed());
        count("not_delivered", report.notDelivered() - report.spooled());
        count("spooled", report.spooled());
    }

    private void count(String outcome, long records) {
        registry.counter(PREFIX + "flush.records", "outcome", outcome).increment((double) records);
    }

    private static String lowerCase(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
