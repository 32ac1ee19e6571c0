package io.github.kafkabackpressure.flow;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WakeupGateTests {

    private final AtomicInteger wakeups = new AtomicInteger();

    private final WakeupGate gate = new WakeupGate(wakeups::incrementAndGet);

    @Test
    void aSignalDuringAPollWakesItOnce() {
        gate.beginTick();
        assertThat(gate.enterPoll()).isTrue();
        gate.signal();
        gate.signal();

        assertThat(wakeups).hasValue(1);
        assertThat(gate.leavePoll()).isTrue();
    }

    @Test
    void aSignalAfterTheTickKeepsThePollFromBlockingAndWakesNobody() {
        gate.beginTick();
        gate.signal();

        assertThat(gate.enterPoll()).isFalse();
        assertThat(gate.leavePoll()).isFalse();
        assertThat(wakeups).hasValue(0);
    }

    @Test
    void aSignalBeforeTheTickIsAnsweredByIt() {
        gate.signal();
        gate.beginTick();

        assertThat(gate.enterPoll()).isTrue();
    }

    @Test
    void aPollThatWasNotWokenLeavesNothingBehind() {
        gate.beginTick();
        gate.enterPoll();

        assertThat(gate.leavePoll()).isFalse();
        assertThat(gate.enterPoll())
                .as("as after a rebalance in the middle of a poll")
                .isTrue();
    }

    @Test
    void aWokenPollIsNotEnteredAgainBeforeTheConsumerHasLooked() {
        gate.beginTick();
        gate.enterPoll();
        gate.signal();
        gate.leavePoll();

        assertThat(gate.enterPoll()).isFalse();
        gate.beginTick();
        assertThat(gate.enterPoll()).isTrue();
    }

    @Test
    void eachPollCanBeWokenAnew() {
        for (int poll = 1; poll <= 3; poll++) {
            gate.beginTick();
            gate.enterPoll();
            gate.signal();
            assertThat(gate.leavePoll()).isTrue();
            assertThat(wakeups).hasValue(poll);
        }
    }
}
