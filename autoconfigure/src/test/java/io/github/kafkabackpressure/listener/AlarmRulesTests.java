package io.github.kafkabackpressure.listener;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerAlarm.Kind;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.listener.ListenerSnapshot.WaitsFor;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AlarmRulesTests {

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final AlarmRules rules = new AlarmRules(ListenerOptions.of(List.of()));

    private State state = State.RUNNING;

    private PauseReason reason;

    private long polled = 100;

    private long handled = 100;

    private int inFlight;

    private int running;

    private long lag;

    private Duration pausedFor = Duration.ZERO;

    private List<ListenerSnapshot.RunningRecord> slowest = List.of();

    private List<Kind> look(long seconds) {
        ListenerSnapshot.Partition partition = new ListenerSnapshot.Partition(
                "topic",
                0,
                inFlight,
                inFlight - running,
                running,
                reason,
                100,
                100,
                polled - 1,
                "id-0",
                reason == null ? null : pausedFor,
                polled,
                polled + lag,
                lag,
                inFlight,
                null,
                null);
        ListenerSnapshot.Totals totals = new ListenerSnapshot.Totals(
                polled,
                Map.of(RecordOutcome.HANDLED, handled),
                Map.of(),
                handled,
                0,
                0,
                0,
                Map.of(),
                Map.of(),
                Map.of(),
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                Map.of());
        ListenerSnapshot now = new ListenerSnapshot(
                "id",
                Ordering.KEY,
                1000,
                inFlight,
                inFlight - running,
                running,
                0,
                List.of(partition),
                state,
                null,
                1,
                new ListenerSnapshot.Limits(1000, 500, 0, 0, 16, 250, 0, 0, 0, Duration.ZERO),
                ListenerSnapshot.Recent.nothing(),
                totals,
                slowest,
                0,
                0,
                null,
                List.of(),
                List.of());
        return rules.look(now, Duration.ofSeconds(seconds).toNanos()).stream()
                .map(ListenerAlarm::kind)
                .toList();
    }

    @Test
    void recordsToBePolledAndRoomAndNoProgressIsAStall() {
        lag = 10;
        assertThat(look(0)).isEmpty();
        assertThat(look(59)).isEmpty();
        assertThat(look(60)).containsExactly(Kind.STALLED);
        polled++;
        assertThat(look(61)).isEmpty();
    }

    @Test
    void recordsThatWaitWhileNoneRunsIsAStall() {
        inFlight = 1000;
        assertThat(look(0)).isEmpty();
        assertThat(look(60)).containsExactly(Kind.STALLED);
    }

    @Test
    void idleIsNoStall() {
        assertThat(look(0)).isEmpty();
        assertThat(look(3600)).isEmpty();
        lag = 1; // the first record after an hour has a minute, too
        assertThat(look(3601)).isEmpty();
        assertThat(look(3602)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(
            value = PauseReason.class,
            names = {"USER", "FRONTIER_STUCK"})
    void aPartitionThatIsPausedForAReasonThatRoomDoesNotEndIsNoAlarm(PauseReason paused) {
        reason = paused;
        pausedFor = Duration.ofDays(1);
        lag = 10;
        assertThat(look(0)).isEmpty();
        assertThat(look(3600)).isEmpty();
    }

    /** Paused for a day, with records to be polled and, as it is slow, in flight; one is finished every half a minute. */
    @ParameterizedTest
    @EnumSource(PauseReason.class)
    void aPartitionThatIsPausedForWhateverReasonIsNoAlarmWhileRecordsAreFinished(PauseReason paused) {
        reason = paused;
        pausedFor = Duration.ofDays(1);
        lag = 10;
        inFlight = 20;
        running = 1;
        for (int seconds = 0; seconds < 3600; seconds += 30) {
            handled++;
            assertThat(look(seconds)).isEmpty();
        }
    }

    @Test
    void aListenerThatIsPausedByItsUserIsNoAlarmEvenWithARetryThatWaitsForIt() {
        state = State.PAUSED;
        lag = 10;
        slowest = List.of(
                new ListenerSnapshot.RunningRecord("topic", 0, 1, null, Duration.ofHours(1), WaitsFor.BACK_OFF, null));
        assertThat(look(0)).isEmpty();
        assertThat(look(3600)).isEmpty();
    }

    @Test
    void aPartitionThatIsPausedAlthoughThereIsRoomIsAnAlarm() {
        reason = PauseReason.FAIR_SHARE;
        pausedFor = MINUTE;
        assertThat(look(0)).containsExactly(Kind.PAUSED_WITH_ROOM);
        inFlight = 600;
        running = 16;
        assertThat(look(1)).isEmpty();
    }

    @Test
    void aStoppedListenerIsNoAlarm() {
        state = State.STOPPED;
        lag = 10;
        assertThat(look(0)).isEmpty();
        assertThat(look(3600)).isEmpty();
    }
}
