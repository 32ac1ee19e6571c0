package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReadyTasksTests {

    private final ReadyTasks<String> ready = new ReadyTasks<>();

    @Test
    void thereIsNothingAtFirst() {
        assertThat(ready.isEmpty()).isTrue();
        assertThat(ready.mayHaveSome()).isFalse();
        assertThat(ready.claim(true)).isNull();
        assertThat(ready.claim(false)).isNull();
    }

    @Test
    void whatIsPolledIsClaimedInItsOrder() {
        ready.addPolled(new String[] {"1", "2"});
        ready.addPolled(new String[] {"3"});
        assertThat(ready.isEmpty()).isFalse();
        assertThat(ready.mayHaveSome()).isTrue();

        assertThat(ready.claim(true)).isEqualTo("1");
        assertThat(ready.claim(false)).isEqualTo("2");
        assertThat(ready.isEmpty()).isFalse();
        assertThat(ready.claim(false)).isEqualTo("3");
        assertThat(ready.isEmpty()).isTrue();
        assertThat(ready.claim(true)).isNull();
        assertThat(ready.mayHaveSome()).isFalse();
    }

    @Test
    void whoSaysSoGetsThoseFirstWhoseTurnInTheirLaneHasCome() {
        ready.addPolled(new String[] {"polled"});
        ready.addNext("next");
        assertThat(ready.claim(true)).isEqualTo("next");
        assertThat(ready.claim(true)).isEqualTo("polled");
    }

    @Test
    void othersGetThemLast() {
        ready.addNext("next");
        assertThat(ready.isEmpty()).isFalse();
        assertThat(ready.mayHaveSome()).isTrue();
        ready.addPolled(new String[] {"polled"});
        assertThat(ready.claim(false)).isEqualTo("polled");
        assertThat(ready.claim(false)).isEqualTo("next");
    }

    @Test
    void whatHasBegunGoesOnBeforeOthersBegin() {
        ready.addPolled(new String[] {"polled"});
        ready.addNext("next");
        ready.addAgain("again");
        assertThat(ready.claim(true)).isEqualTo("again");
        ready.addAgain("again");
        assertThat(ready.claim(false)).isEqualTo("again");
        assertThat(ready.claim(false)).isEqualTo("polled");
        assertThat(ready.claim(false)).isEqualTo("next");
        ready.addAgain("again");
        assertThat(ready.isEmpty()).isFalse();
        assertThat(ready.mayHaveSome()).isTrue();
    }
}
