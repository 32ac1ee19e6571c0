package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class InHandTests {

    private final InHand hand = new InHand();

    @Test
    void anEmptyHandIsBeyondEveryMark() {
        assertThat(hand.areBeyond(Long.MAX_VALUE)).isTrue();
        hand.add(2, 7);
        hand.remove(2);
        assertThat(hand.count()).isZero();
        assertThat(hand.areBeyond(Long.MAX_VALUE)).isTrue();
    }

    @Test
    void theOldestThatIsNotHandedOverCounts() {
        hand.add(2, 7);
        hand.add(1, 5);
        hand.add(1, 9);
        assertThat(hand.count()).isEqualTo(4);
        assertThat(hand.areBeyond(4)).isTrue();
        assertThat(hand.areBeyond(5)).isFalse();

        hand.remove(4);
        hand.add(1, 20);
        assertThat(hand.areBeyond(19)).isTrue();
        assertThat(hand.areBeyond(20)).isFalse();
    }
}
