package io.github.kafkabackpressure.listener.consume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.kafkabackpressure.listener.consume.ConsumerLife.State;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ConsumerLifeTests {

    private final ConsumerLife life = new ConsumerLife(() -> 5);

    @ParameterizedTest
    @EnumSource
    void itMovesAsTheTableSaysAndNotOtherwise(State to) {
        for (State from : State.values()) {
            ConsumerLife one = in(from);
            if (ConsumerLife.MOVES.get(from).contains(to)) {
                assertThat(one.transitionTo(to)).isEqualTo(from);
                assertThat(one.state()).isEqualTo(to);
            } else {
                assertThatIllegalStateException()
                        .isThrownBy(() -> one.transitionTo(to))
                        .withMessageContaining(from.name())
                        .withMessageContaining(to.name());
                assertThat(one.state()).isEqualTo(from);
            }
        }
    }

    /** A consumer that has come to a state by legal moves. */
    private static ConsumerLife in(State wanted) {
        Queue<List<State>> ways = new ArrayDeque<>();
        ways.add(List.of());
        Set<State> seen = EnumSet.noneOf(State.class);
        while (true) {
            List<State> way = ways.remove();
            ConsumerLife life = new ConsumerLife(() -> 0);
            way.forEach(life::transitionTo);
            if (life.state() == wanted) {
                return life;
            }
            if (seen.add(life.state())) {
                for (State next : ConsumerLife.MOVES.get(life.state())) {
                    List<State> longer = new ArrayList<>(way);
                    longer.add(next);
                    ways.add(longer);
                }
            }
        }
    }

    @Test
    void aCallBackEndsWhereItBegan() {
        life.transitionTo(State.POLLING);
        State before = life.beginCallBack();
        assertThat(life.isCalledBack()).isTrue();
        assertThat(life.isLeaving()).isFalse();
        life.end(before);
        assertThat(life.state()).isEqualTo(State.POLLING);
    }

    @Test
    void aCallBackWhileTheConsumerLeavesIsOneOfLeaving() {
        life.transitionTo(State.LEAVING);
        State before = life.beginCallBack();
        assertThat(life.isCalledBack()).isTrue();
        assertThat(life.isLeaving()).isTrue();
        life.end(before);
        assertThat(life.state()).isEqualTo(State.LEAVING);
    }

    @Test
    void aConsumerThatIsClosedInACallBackStaysClosed() {
        life.transitionTo(State.POLLING);
        State before = life.beginCallBack();
        life.transitionTo(State.CLOSED);
        life.end(before);
        assertThat(life.state()).isEqualTo(State.CLOSED);
    }

    @Test
    void whoHasNotPolledIsNobodysConsumer() throws InterruptedException {
        Thread other = new Thread(life::requireOwnThread);
        other.start();
        other.join();
        life.isMine();
        boolean[] foreign = new boolean[1];
        Thread worker = new Thread(() -> foreign[0] = life.isForeign());
        worker.start();
        worker.join();
        assertThat(foreign[0]).isTrue();
        assertThat(life.isForeign()).isFalse();
    }
}
