package io.github.kafkabackpressure.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.producer.ProducerFlushReport;
import io.github.kafkabackpressure.producer.ProducerFlushReport.Counts;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MicrometerProducerMetricsTests {

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private double flushed(String outcome) {
        return registry.get("kafka.backpressure.producer.flush.records")
                .tag("outcome", outcome)
                .counter()
                .count();
    }

    @Test
    void eachRecordOfAFlushIsCountedOnce() {
        new MicrometerProducerMetrics(registry)
                .flushed(new ProducerFlushReport(
                        1, List.of(), Duration.ofSeconds(1), Map.of("orders", new Counts(5, 1, 100, 98))));
        assertThat(flushed("delivered")).isEqualTo(5);
        assertThat(flushed("failed")).isEqualTo(1);
        assertThat(flushed("not-delivered")).isEqualTo(2);
        assertThat(flushed("spooled")).isEqualTo(98);
    }
}
