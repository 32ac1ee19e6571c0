package io.github.kafkabackpressure;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class HandlingThreadTests {

    @Test
    void marksNestAndEndWithTheOutermostExit() {
        assertThat(HandlingThread.isHandling()).isFalse();
        HandlingThread.enter();
        HandlingThread.enter();
        HandlingThread.exit();
        assertThat(HandlingThread.isHandling()).isTrue();
        HandlingThread.exit();
        assertThat(HandlingThread.isHandling()).isFalse();
        HandlingThread.exit();
        assertThat(HandlingThread.isHandling()).isFalse();
    }

    @Test
    void aMarkIsOfOneThreadOnly() throws InterruptedException {
        HandlingThread.enter();
        try {
            boolean[] seen = {true};
            Thread other = new Thread(() -> seen[0] = HandlingThread.isHandling());
            other.start();
            other.join();
            assertThat(seen[0]).isFalse();
        } finally {
            HandlingThread.exit();
        }
    }
}
