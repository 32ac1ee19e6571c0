package io.github.kafkabackpressure.progress;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LaneTaskTests {

    @Test
    void aTaskThatIsAppendedToAnUnfinishedOneWaitsAndIsHandedOver() {
        TestTask first = new TestTask(1);
        TestTask second = new TestTask(2);

        assertThat(first.append(second)).isTrue();
        assertThat(first.successor()).isSameAs(second);
        assertThat(first.finish()).isSameAs(second);
    }

    @Test
    void aTaskThatIsAppendedToAFinishedOneMayRunAtOnce() {
        TestTask first = new TestTask(1);

        assertThat(first.finish()).isNull();
        assertThat(first.append(new TestTask(2))).isFalse();
    }

    @Test
    void aLaneGoesOnInTheOrderInWhichItWasFilled() {
        TestTask[] tasks = new TestTask[100];
        for (int i = 0; i < tasks.length; i++) {
            tasks[i] = new TestTask(i);
            assertThat(i > 0 && tasks[i - 1].append(tasks[i])).isEqualTo(i > 0);
        }
        LaneTask running = tasks[0];
        for (int i = 1; i < tasks.length; i++) {
            running = running.finish();
            assertThat(running).isSameAs(tasks[i]);
        }
        assertThat(running.finish()).isNull();
    }

    @Test
    void aFinishedTaskHoldsOnToNoOther() {
        TestTask first = new TestTask(1);
        TestTask second = new TestTask(2);
        first.append(second);
        first.finish();

        assertThat(first.successor()).isNotSameAs(second);
    }
}
