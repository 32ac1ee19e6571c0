package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GateQueuesTests {

    private final GateQueues held = new GateQueues(1000);

    private final ReadyLanes ready = new ReadyLanes(1000);

    private long numbers;

    @Test
    void whereNothingIsHeldBackNothingIsDue() {
        assertThat(held.dueAt()).isNull();
        assertThat(held.size()).isZero();
        held.releaseDue(Long.MAX_VALUE, ready);
        held.releaseOneOfEach(0, ready);
        held.releaseNext(null, 0, ready);
        held.releaseNext("unknown", 0, ready);
        assertThat(ready.isEmpty()).isTrue();
    }

    @Test
    void oneLaneOfAGroupIsLetOutAtItsTimeAndNotBefore() {
        held.park("group", lane("1"), 5, 100);
        assertThat(join("2", "group")).isTrue();
        assertThat(held.dueAt()).isEqualTo(100);

        held.releaseDue(99, ready);
        assertThat(taken()).isEmpty();
        held.releaseDue(100, ready);
        assertThat(taken()).containsExactly("1");
        assertThat(held.dueAt())
                .as("the rest waits for the one that was let out")
                .isNull();
        assertThat(held.size()).isEqualTo(1);

        held.releaseNext("group", 100, ready);
        assertThat(taken()).containsExactly("2");
        assertThat(held.size()).isZero();
    }

    @Test
    void nobodyJoinsAGroupOfWhichNothingWaits() {
        assertThat(join("1", null)).isFalse();
        assertThat(join("1", "group")).isFalse();
        held.park("group", lane("2"), 5, 100);
        assertThat(join("1", "other")).isFalse();
        held.releaseDue(100, ready);
        assertThat(join("1", "group")).as("all of it was let out").isFalse();
    }

    @Test
    void theGroupThatIsDueSoonestIsLookedAtFirstAlsoWhenItsTimeChanges() {
        held.park("a", lane("a1"), 5, 300);
        held.park("b", lane("b1"), 5, 200);
        held.park("c", lane("c1"), 5, 200);
        assertThat(held.dueAt()).isEqualTo(200);
        assertThat(held.size()).isEqualTo(3);
        held.park("a", lane("a2"), 5, 100);
        assertThat(held.dueAt()).isEqualTo(100);

        held.releaseDue(200, ready);
        assertThat(taken()).containsExactly("a1", "b1", "c1");
        assertThat(held.size()).as("one of the first group is left").isEqualTo(1);
    }

    @Test
    void timesMayOverflow() {
        held.park("late", lane("late"), 5, Long.MIN_VALUE + 10);
        held.park("soon", lane("soon"), 5, Long.MAX_VALUE - 10);
        assertThat(held.dueAt()).isEqualTo(Long.MAX_VALUE - 10);
        held.releaseDue(Long.MAX_VALUE, ready);
        assertThat(taken()).containsExactly("soon");
    }

    @Test
    void oneOfEachGroupIsLetOutWhateverItsTime() {
        held.park("a", lane("a1"), 5, 300);
        join("a2", "a");
        held.park("b", lane("b1"), 5, Long.MAX_VALUE);
        held.releaseOneOfEach(0, ready);
        assertThat(taken()).containsExactlyInAnyOrder("a1", "b1");
        assertThat(held.size()).isEqualTo(1);
    }

    @Test
    void aGroupGoesWithTheLastOfItsLanes() {
        Lane first = lane("1");
        Lane second = lane("2");
        held.park("group", first, 5, 100);
        second.gateGroup = "group";
        held.join(second, 5);

        held.remove(first);
        assertThat(held.dueAt()).isEqualTo(100);
        held.remove(second);
        assertThat(held.dueAt()).isNull();
        assertThat(held.size()).isZero();
    }

    @Test
    void whatDoesNotWaitHereCannotBeTakenOut() {
        Lane lane = lane("1");
        assertThatIllegalStateException().isThrownBy(() -> held.remove(lane));
        lane.gateGroup = "group";
        assertThatIllegalStateException().isThrownBy(() -> held.remove(lane));
        held.park("group", lane("2"), 5, 100);
        ready.add(lane, 5);
        assertThatIllegalStateException().isThrownBy(() -> held.remove(lane));
    }

    private Lane lane(String name) {
        Lane lane = new Lane(name);
        lane.readyNumber = ++numbers;
        return lane;
    }

    private boolean join(String name, String group) {
        Lane lane = lane(name);
        lane.gateGroup = group;
        return held.join(lane, 5);
    }

    private List<Object> taken() {
        List<Object> taken = new ArrayList<>();
        for (Lane lane = ready.takeBest(0); lane != null; lane = ready.takeBest(0)) {
            taken.add(lane.laneKey);
        }
        return taken;
    }
}
