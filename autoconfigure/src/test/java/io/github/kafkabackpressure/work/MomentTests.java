package io.github.kafkabackpressure.work;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MomentTests {

    private final AtomicInteger looks = new AtomicInteger();

    @Test
    void whatIsThereIsSeenAtTheFirstLook() {
        assertThat(Moment.comes(() -> looks.incrementAndGet() == 1, 1_000_000)).isTrue();
        assertThat(looks).hasValue(1);
    }

    @Test
    void whatComesAtTheLastLookIsSeen() {
        assertThat(Moment.comes(() -> looks.incrementAndGet() == 11, 8_000)).isTrue();
    }

    @Test
    void aMomentHasSoManyLooksAsItIsLong() {
        assertThat(Moment.comes(() -> looks.incrementAndGet() < 0, 8_000)).isFalse();
        assertThat(looks).hasValue(11);
    }

    @Test
    void noTimeIsOneLook() {
        assertThat(Moment.comes(() -> looks.incrementAndGet() == 1, 0)).isTrue();
        assertThat(Moment.comes(() -> looks.incrementAndGet() < 0, 0)).isFalse();
        assertThat(looks).hasValue(2);
    }

    @Test
    void whatAnotherThreadDoesIsSeen() throws InterruptedException {
        AtomicBoolean done = new AtomicBoolean();
        Thread other = new Thread(() -> done.set(true));
        assertThat(Moment.comes(
                        () -> {
                            if (looks.incrementAndGet() == 1) {
                                other.start();
                            }
                            return done.get();
                        },
                        Long.MAX_VALUE))
                .isTrue();
        other.join();
    }
}
