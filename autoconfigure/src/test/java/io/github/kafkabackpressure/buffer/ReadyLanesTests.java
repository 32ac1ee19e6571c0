package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ReadyLanesTests {

    private static final long AGING = 1000;

    private final ReadyLanes ready = new ReadyLanes(AGING);

    private long numbers;

    @Test
    void theHighestPriorityGoesFirstAndOfThoseTheOneThatCameFirst() {
        add("low", 0);
        add("high", 9);
        add("high too", 9);
        add("usual", 5);
        assertThat(ready.size()).isEqualTo(4);
        assertThat(ready.isEmpty()).isFalse();

        assertThat(takeAll(0)).containsExactly("high", "high too", "usual", "low");
        assertThat(ready.size()).isZero();
        assertThat(ready.isEmpty()).isTrue();
    }

    @Test
    void aLaneGainsAPriorityForEachAgingTimeAndMustBeAheadByThen() {
        add("low", 3);
        Lane high = add("high", 4);
        high.readySince = AGING;
        assertThat(ready.takeBest(AGING)).as("a draw").hasFieldOrPropertyWithValue("laneKey", "high");
        high.readySince = AGING + 1;
        ready.add(high, 4);
        assertThat(ready.takeBest(AGING + 1)).hasFieldOrPropertyWithValue("laneKey", "low");
    }

    @Test
    void aLaneThatBecameReadyAfterThePresentLookHasNotAged() {
        add("low", 3);
        add("high", 4).readySince = 5 * AGING;
        assertThat(takeAll(AGING / 2)).containsExactly("high", "low");
    }

    @Test
    void lanesLeaveFromAnyPlace() {
        Lane first = add("1", 5);
        add("2", 5);
        Lane middle = add("3", 5);
        add("4", 5);
        Lane last = add("5", 5);
        Lane only = add("6", 7);

        for (Lane lane : List.of(middle, first, last, only)) {
            assertThat(lane.readyIn).isSameAs(ready);
            ready.remove(lane);
            assertThat(lane.readyIn).isNull();
            assertThat(lane.nextReady).isNull();
            assertThat(lane.previousReady).isNull();
        }
        assertThat(ready.size()).isEqualTo(2);
        ready.add(middle, 5);
        assertThat(takeAll(0)).containsExactly("2", "4", "3");
    }

    @Test
    void whoWasReadyBeforeGoesBeforeThoseThatBecameReadyLater() {
        Lane first = add("1", 5);
        Lane second = add("2", 5);
        add("3", 5);
        ready.remove(first);
        ready.remove(second);

        ready.addAgain(second, 5);
        ready.addAgain(first, 5);
        assertThat(first.readyPriority).isEqualTo(5);
        assertThat(ready.size()).isEqualTo(3);
        assertThat(takeAll(0)).containsExactly("1", "2", "3");
    }

    @Test
    void whoWasReadyAfterThoseThatStandThereGoesBehindThem() {
        add("1", 5);
        Lane second = add("2", 5);
        ready.remove(second);
        ready.addAgain(second, 5);
        assertThat(takeAll(0)).containsExactly("1", "2");

        ready.addAgain(second, 6);
        assertThat(takeAll(0)).containsExactly("2");
    }

    private Lane add(String name, int priority) {
        Lane lane = new Lane(name);
        lane.readyNumber = ++numbers;
        ready.add(lane, priority);
        return lane;
    }

    private List<Object> takeAll(long now) {
        List<Object> taken = new ArrayList<>();
        for (Lane lane = ready.takeBest(now); lane != null; lane = ready.takeBest(now)) {
            taken.add(lane.laneKey);
        }
        return taken;
    }
}
