package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("interleavings")
class InFlightWindowLincheckTests {

    @Test
    void neverLetsMoreInThanTheLimit() {
        options().check(Correct.class);
    }

    @Test
    void aWindowThatLooksAndThenCountsIsCaught() {
        assertThatThrownBy(() -> options().check(CheckThenAct.class)).isInstanceOf(LincheckAssertionError.class);
    }

    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(25)
                .invocationsPerIteration(700)
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(0)
                .actorsAfter(0);
    }

    public static class Correct {

        private final InFlightWindow window = new InFlightWindow(2);

        @Operation
        public int tryAcquire() {
            return window.tryAcquire(1);
        }

        @Operation
        public void release() {
            window.release();
        }
    }

    /** Broken: two threads can both see the last place. */
    public static class CheckThenAct {

        private final AtomicLong inFlight = new AtomicLong();

        @Operation
        public int tryAcquire() {
            if (inFlight.get() >= 2) {
                return 0;
            }
            inFlight.incrementAndGet();
            return 1;
        }

        @Operation
        public void release() {
            inFlight.decrementAndGet();
        }
    }
}
