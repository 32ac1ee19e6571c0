package io.github.kafkabackpressure.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Partition;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.Test;

class ListenerMetersTests {

    private static final String HANDLING = "kafka.backpressure.listener.handling";

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private RecordTimers opened() {
        RecordTimers timers = new RecordTimers(registry, "orders");
        timers.open();
        return timers;
    }

    private static void handle(RecordTimers timers, int records) {
        for (int record = 0; record < records; record++) {
            timers.waited(1000);
            timers.handled(RecordOutcome.HANDLED, 1000);
        }
    }

    private void counted(long records) {
        assertThat(registry.get("kafka.backpressure.listener.queue.wait")
                        .timer()
                        .count())
                .isEqualTo(records);
        assertThat(registry.get(HANDLING).tag("outcome", "handled").timer().count())
                .isEqualTo(records);
    }

    @Test
    void ofTwoListenersOfOneNameTheTimersAreTheFirstOnesAndOnceThatIsGoneTheOthers() {
        RecordTimers first = opened();
        RecordTimers second = opened();
        handle(first, 3);
        handle(second, 5);
        counted(3);

        first.remove();
        handle(first, 1);
        handle(second, 2);
        counted(2);

        second.remove();
        assertThat(registry.getMeters()).isEmpty();
        handle(second, 1);
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void timersThatNeverHadTheNameTakeNothingAway() {
        RecordTimers first = opened();
        RecordTimers second = opened();
        second.remove();
        handle(first, 3);
        counted(3);
    }

    @Test
    void aScrapeThatEndsAfterTheListenerBringsNoMetersBack() {
        PartitionMeters meters = new PartitionMeters(registry, Tags.of("listener", "orders"));
        List<Partition> seen =
                List.of(new Partition("topic", 0, 1, 0, 1, null, 0, 0, 0, "orders-0", null, 1, 1, 0, 0, null, null));
        meters.update(seen);
        assertThat(registry.getMeters()).isNotEmpty();
        meters.remove();
        meters.update(seen);
        assertThat(registry.getMeters()).isEmpty();
    }
}
