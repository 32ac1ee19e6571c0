package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.producer.ProducerFlushReport;
import io.github.kafkabackpressure.producer.ProducerMetrics;
import io.github.kafkabackpressure.producer.ProducerStats;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Reports the sending half to Micrometer, as {@code kafka.backpressure.producer.*}. The meters of a template read its
 * own counters when they are scraped, so they cost nothing per record.
 */
public final class MicrometerProducerMetrics implements ProducerMetrics {

    private static final String PREFIX = "kafka.backpressure.producer.";

    private final MeterRegistry registry;

    private final Map<ProducerStats, TemplateMeters> templates = new ConcurrentHashMap<>();

    /** @param registry where the meters are registered */
    public MicrometerProducerMetrics(MeterRegistry registry) {
        this.registry = registry;
    }

    @Override
    public void templateOpened(String template, ProducerStats stats) {
        TemplateMeters meters = new TemplateMeters(registry, template, stats);
        templates.put(stats, meters);
        meters.open();
    }

    @Override
    public void templateClosed(String template, ProducerStats stats) {
        TemplateMeters meters = templates.remove(stats);
        if (meters != null) {
            meters.remove();
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
        count("not-delivered", report.notDelivered() - report.spooled());
        count("spooled", report.spooled());
    }

    private void count(String outcome, long records) {
        registry.counter(PREFIX + "flush.records", "outcome", outcome).increment((double) records);
    }
}
