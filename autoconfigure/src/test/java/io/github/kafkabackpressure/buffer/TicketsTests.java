package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TicketsTests {

    private final Tickets tickets = new Tickets(3);

    @Test
    void asManyAreOutAsLanesAreReadyButNoMoreThanWorkers() {
        assertThat(tickets.issue(2)).isEqualTo(2);
        assertThat(tickets.issue(2)).isZero();
        assertThat(tickets.issue(9)).isEqualTo(1);
        assertThat(tickets.issue(9)).isZero();
        tickets.used();
        assertThat(tickets.issue(9)).isEqualTo(1);
        assertThat(tickets.issue(0)).isZero();
    }

    @Test
    void theyAreNeededWhenSomeAreMissing() {
        assertThat(tickets.areNeeded()).isFalse();
        tickets.update(1);
        assertThat(tickets.areNeeded()).isTrue();
        tickets.issue(1);
        tickets.update(1);
        assertThat(tickets.areNeeded()).isFalse();
        tickets.used();
        tickets.used(); // one that was never handed out
        tickets.update(1);
        assertThat(tickets.areNeeded()).isTrue();
        assertThat(tickets.issue(1)).isEqualTo(1);
    }
}
