package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.producer.BufferStateEvent;
import io.github.kafkabackpressure.producer.ProducerFlushReport;
import io.github.kafkabackpressure.producer.ProducerFlushReport.Counts;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ProducerTimelineTests {

    private final ProducerTimeline timeline = new ProducerTimeline();

    @Test
    void tellsTheChangesOfATemplateInTheirOrder() {
        timeline.changed(new BufferStateEvent("first", BufferState.PRESSURED, 80));
        timeline.changed(new BufferStateEvent("second", BufferState.FULL, 100));
        timeline.changed(new BufferStateEvent("first", BufferState.NORMAL, 40));

        assertThat(timeline.of("first"))
                .extracting(change -> change.get("sequence"), change -> change.get("state"))
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(1L, "pressured"),
                        org.assertj.core.groups.Tuple.tuple(3L, "normal"));
    }

    @Test
    void flushesAreToldOfWhereTheyBelong() {
        timeline.changed(new BufferStateEvent("first", BufferState.FULL, 100));
        timeline.flushed("second", false, Duration.ofMillis(7));
        timeline.flushed(new ProducerFlushReport(
                1, List.of(), Duration.ofSeconds(1), Map.of("orders", new Counts(5, 1, 100, 98))));

        assertThat(timeline.of("first")).extracting(event -> event.get("kind")).containsExactly("state", "flushed");
        assertThat(timeline.of("second"))
                .hasSize(2)
                .first()
                .satisfies(flush ->
                        assertThat(flush).containsEntry("complete", false).containsEntry("millis", 7L));
        assertThat(timeline.of("second"))
                .last()
                .satisfies(report -> assertThat(report)
                        .containsEntry("complete", false)
                        .containsEntry("delivered", 5L)
                        .containsEntry("notDelivered", 100L)
                        .containsEntry("spooled", 98L));
    }

    @Test
    void oneTemplateThatChangesAllTheTimeTakesNothingFromTheTimelineOfAnother() {
        timeline.changed(new BufferStateEvent("calm", BufferState.FULL, 1));
        for (int i = 0; i < 1000; i++) {
            timeline.changed(new BufferStateEvent("wild", BufferState.FULL, i));
        }

        assertThat(timeline.of("calm")).hasSize(1);
    }

    @Test
    void keepsTheNewestOnly() {
        for (int i = 0; i < 1000; i++) {
            timeline.changed(new BufferStateEvent("first", BufferState.FULL, i));
        }

        assertThat(timeline.of("first"))
                .hasSize(200)
                .last()
                .satisfies(change -> assertThat(change).containsEntry("sequence", 1000L));
    }
}
