package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PressureTests {

    private static final long SECOND = 1_000_000_000L;

    private final List<BufferState> told = new ArrayList<>();

    private final List<RecordsDroppedEvent> episodes = new ArrayList<>();

    private final Pressure pressure = new Pressure(80, 100, told::add);

    private final DropCounts counts = new DropCounts(
            ListenerOptions.of(List.of(ListenerOptions.Source.ofProperties(
                            "listener", ListenerSettings.of(Map.of("overflow", "drop-oldest")))))
                    .overload(),
            ListenerMetrics.NOOP);

    private final DropEpisodes dropEpisodes = new DropEpisodes("orders", counts, episodes::add);

    @Test
    void aListenerThatRunsFullManyTimesASecondIsOneEpisode() {
        for (long now = 0; now < 10 * SECOND; now += SECOND / 100) {
            pressure.update(now / 10_000_000 % 2 == 0 ? 100 : 0, false, now);
        }

        assertThat(told).containsExactly(BufferState.FULL);
    }

    @Test
    void aLimitThatIsChangedChangesWhatIsFull() {
        pressure.change(800, 1000);
        pressure.update(100, false, 0);
        assertThat(told).isEmpty();
        pressure.change(8, 10);
        pressure.update(9, false, 1);
        pressure.update(10, false, 2);
        assertThat(told).containsExactly(BufferState.PRESSURED, BufferState.FULL);
    }

    @Test
    void anEpisodeGoesUpAndEndsWhenItHasBeenCalmForASecond() {
        pressure.update(79, false, 0);
        pressure.update(80, false, 1);
        pressure.update(90, false, 2);
        pressure.update(50, true, 3);
        pressure.update(41, false, 2 * SECOND);
        pressure.update(40, false, 3 * SECOND);
        pressure.update(40, false, 4 * SECOND - 1);
        assertThat(told).containsExactly(BufferState.PRESSURED, BufferState.FULL);
        pressure.update(40, false, 4 * SECOND);

        assertThat(told).containsExactly(BufferState.PRESSURED, BufferState.FULL, BufferState.NORMAL);
    }

    @Test
    void nothingIsFullAnyMoreWhenTheListenerStops() {
        pressure.update(100, false, 0);
        pressure.end();
        pressure.end();

        assertThat(told).containsExactly(BufferState.FULL, BufferState.NORMAL);
    }

    @Test
    void dropsThatFollowOneAnotherAreOneEpisode() {
        dropEpisodes.update(0);
        for (long now = SECOND; now < 11 * SECOND; now += SECOND) {
            counts.count(DropReason.MAX_IN_FLIGHT);
            dropEpisodes.update(now);
        }
        counts.count(DropReason.MAX_AGE);
        dropEpisodes.update(11 * SECOND);
        dropEpisodes.update(15 * SECOND);
        assertThat(episodes).isEmpty();
        dropEpisodes.update(16 * SECOND);
        dropEpisodes.update(60 * SECOND);
        dropEpisodes.end(70 * SECOND);

        assertThat(episodes)
                .containsExactly(new RecordsDroppedEvent(
                        "orders",
                        Map.of(DropReason.MAX_IN_FLIGHT, 10L, DropReason.MAX_AGE, 1L),
                        Duration.ofSeconds(15)));
    }

    @Test
    void overloadThatDoesNotEndIsToldOfOnceAMinute() {
        for (long now = SECOND; now <= 150 * SECOND; now += SECOND) {
            counts.count(DropReason.MAX_IN_FLIGHT);
            dropEpisodes.update(now);
        }
        dropEpisodes.end(150 * SECOND);

        assertThat(episodes).hasSize(3);
        assertThat(episodes.stream().mapToLong(RecordsDroppedEvent::total).sum())
                .isEqualTo(150);
    }
}
