package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class InFlightWindowTests {

    private final InFlightWindow window = new InFlightWindow(3);

    @Test
    void noMorePlacesAreGrantedThanAreFree() {
        assertThat(window.limit()).isEqualTo(3);
        assertThat(window.tryAcquire(2)).isEqualTo(2);
        assertThat(window.free()).isEqualTo(1);
        assertThat(window.tryAcquire(2)).isEqualTo(1);
        assertThat(window.tryAcquire(1)).isZero();
        assertThat(window.inFlight()).isEqualTo(3);
        assertThat(window.free()).isZero();

        window.release();
        assertThat(window.tryAcquire(2)).isEqualTo(1);
    }

    @Test
    void whatCannotWaitGetsAPlaceBeyondTheLimit() {
        window.acquireRegardless(5);
        assertThat(window.inFlight()).isEqualTo(5);
        assertThat(window.free()).isEqualTo(-2);
        assertThat(window.tryAcquire(1)).isZero();
        window.release(3);
        assertThat(window.free()).isEqualTo(1);
        assertThat(window.tryAcquire(9)).isEqualTo(1);
    }

    @Test
    void itIsKnownBeforeAtWhichReleaseSoManyPlacesAreFree() {
        window.tryAcquire(3);
        long two = window.releasedWhenFree(2);
        assertThat(window.release()).isLessThan(two);
        assertThat(window.free()).isEqualTo(1);
        assertThat(window.release()).isEqualTo(two);
        assertThat(window.free()).isEqualTo(2);
    }
}
