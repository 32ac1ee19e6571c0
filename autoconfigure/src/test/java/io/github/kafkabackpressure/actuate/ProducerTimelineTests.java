package io.github.kafkabackpressure.actuate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.producer.BufferStateEvent;
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
