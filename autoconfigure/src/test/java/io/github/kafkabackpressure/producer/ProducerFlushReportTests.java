package io.github.kafkabackpressure.producer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.producer.ProducerFlushReport.Counts;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The line that someone reads at night. */
class ProducerFlushReportTests {

    private static final Duration TIME = Duration.ofMillis(10_102);

    private static String line(int producers, List<String> unflushed, Map<String, Counts> topics) {
        return new ProducerFlushReport(producers, unflushed, TIME, topics).toString();
    }

    @Test
    void whatThereWasNoneOfIsNotSpokenOf() {
        assertThat(line(1, List.of(), Map.of("orders", new Counts(25, 0, 0, 0))))
                .isEqualTo("Flushed 1 Kafka producer in 10.1 s. Of the buffered records 25 were delivered");
        assertThat(line(2, List.of(), Map.of())).isEqualTo("Flushed 2 Kafka producers in 10.1 s");
        assertThat(line(1, List.of(), Map.of("orders", new Counts(0, 49, 0, 0))))
                .isEqualTo("Flushed 1 Kafka producer in 10.1 s. Of the buffered records 49 failed (orders: 49 failed)");
        assertThat(line(0, List.of(), Map.of("orders", new Counts(0, 0, 8, 8))))
                .isEqualTo("No Kafka producer was open, after 10.1 s. Of the buffered records 8 are kept in the spool"
                        + " for the next start (orders: 8 are kept in the spool for the next start)");
    }

    @Test
    void whatIsInTheSpoolIsNotLost() {
        assertThat(new ProducerFlushReport(1, List.of("one (closed)"), TIME, Map.of("orders", new Counts(3, 0, 8, 8))))
                .matches(ProducerFlushReport::keptAll)
                .matches(report -> !report.complete());
        assertThat(new ProducerFlushReport(1, List.of(), TIME, Map.of("orders", new Counts(0, 1, 8, 8))).keptAll())
                .isFalse();
        assertThat(new ProducerFlushReport(1, List.of(), TIME, Map.of("orders", new Counts(0, 0, 8, 7))).keptAll())
                .isFalse();
        assertThat(new ProducerFlushReport(1, List.of("one (closed)"), TIME, Map.of()).keptAll())
                .as("who counts the records of plain templates?")
                .isFalse();
    }

    @Test
    void whatAProducerHasNotAnsweredForCountsAsNotDelivered() {
        ProducerFlushReport report = new ProducerFlushReport(
                1, List.of("one (not in time)"), TIME, Map.of("orders", new Counts(1, 0, 2, 2)), 3);

        assertThat(report.notDelivered()).isEqualTo(5);
        assertThat(report).matches(one -> !one.complete()).matches(one -> !one.keptAll());
        assertThat(report.toString())
                .endsWith(
                        "Of the buffered records 1 was delivered, 2 are kept in the spool for the next start, 3 have no"
                                + " answer from the producer yet (orders: 2 are kept in the spool for the next start)");
        assertThat(new ProducerFlushReport(1, List.of("one (not in time)"), TIME, Map.of(), 1).toString())
                .endsWith("Of the buffered records 1 has no answer from the producer yet");
    }

    @Test
    void whatWasLeftIsNamedByTopicAndReason() {
        assertThat(line(
                        1,
                        List.of("factory.producer-1 (the broker has not acknowledged all in time)"),
                        Map.of(
                                "payments", new Counts(0, 1, 1, 0),
                                "orders", new Counts(1, 0, 5, 4),
                                "good", new Counts(3, 0, 0, 0))))
                .isEqualTo("The Kafka producer could not be flushed in 10.1 s: factory.producer-1 (the broker has not"
                        + " acknowledged all in time). Of the buffered records 4 were delivered, 1 failed, 2 are lost,"
                        + " 4 are kept in the spool for the next start (orders: 1 is lost, 4 are kept in the spool for"
                        + " the next start; payments: 1 failed, 1 is lost)");
        assertThat(line(3, List.of("one (closed)"), Map.of()))
                .isEqualTo("1 of 3 Kafka producers could not be flushed in 10.1 s: one (closed)");
    }
}
