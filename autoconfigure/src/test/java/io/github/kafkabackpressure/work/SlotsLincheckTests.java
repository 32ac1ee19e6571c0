package io.github.kafkabackpressure.work;

import io.github.kafkabackpressure.Interleavings;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Who gives up waiting for a slot just when it is granted either has it or has left it to others. */
@Tag("interleavings")
class SlotsLincheckTests {

    @Test
    void noInterleavingLosesASlot() {
        Interleavings.modelCheck(GivingUp.class, Quiet.class);
    }

    @Test
    void aGrantThatDoesNotLookWhetherSomebodyStillWaitsIsCaught() {
        Interleavings.assertCaught(GrantingUnseen.class, Quiet.class);
    }

    /** The operations give no answers; what they leave is looked at in the end. */
    public static class Quiet {

        public void release() {}

        public void giveUp() {}
    }

    /** The product's, with one slot, which is taken, and a thread that does not wait long. */
    public static class GivingUp {

        private final Slots slots = new Slots(1, () -> {});

        private final Slot taken = slots.tryTake();

        @Operation(runOnce = true)
        public void release() {
            taken.close();
        }

        @Operation(runOnce = true)
        public void giveUp() {
            Slot granted = slots.takeWhile(() -> false);
            if (granted != null) {
                granted.close();
            }
        }

        @Validate
        public void noSlotIsLost() {
            taken.close();
            if (slots.tryTake() == null) {
                throw new IllegalStateException("the slot is lost");
            }
        }
    }

    /** Broken: the grant is one field, the giving up another. */
    public static class GrantingUnseen {

        private final AtomicBoolean free = new AtomicBoolean();

        private volatile boolean waiting;

        private volatile boolean granted;

        @Operation(runOnce = true)
        public void release() {
            if (waiting) {
                granted = true;
            } else {
                free.set(true);
            }
        }

        @Operation(runOnce = true)
        public void giveUp() {
            waiting = true;
            if (granted) {
                free.set(true);
                granted = false;
            }
            waiting = false;
        }

        @Validate
        public void noSlotIsLost() {
            if (granted) {
                throw new IllegalStateException("the slot is lost");
            }
        }
    }
}
