package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Several threads offer, take and close at the same time; what comes out must be explicable by some order of the calls.
 */
@Tag("interleavings")
class BoundedBufferLincheckTests {

    @Test
    void refusingWhenFullIsLinearizable() {
        options().check(Refusing.class);
    }

    @Test
    void droppingTheOldestIsLinearizable() {
        options().check(DroppingOldest.class);
    }

    @Test
    void droppingTheLowestPriorityIsLinearizable() {
        options().check(DroppingLowestPriority.class);
    }

    @Test
    void aBufferThatLooksForRoomBeforeItLocksIsCaught() {
        assertThatThrownBy(() -> options().check(LooksBeforeItLocks.class)).isInstanceOf(LincheckAssertionError.class);
    }

    @Test
    void aBufferThatIsClosedBetweenTheLookAndTheOfferIsCaught() {
        assertThatThrownBy(() -> options().check(ClosedOutsideTheLock.class))
                .isInstanceOf(LincheckAssertionError.class);
    }

    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(12)
                .invocationsPerIteration(100)
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(0)
                .actorsAfter(0);
    }

    public static class Refusing extends Scenario {
        public Refusing() {
            super(Overflow.REJECT);
        }
    }

    public static class DroppingOldest extends Scenario {
        public DroppingOldest() {
            super(Overflow.DROP_OLDEST);
        }
    }

    public static class DroppingLowestPriority extends Scenario {
        public DroppingLowestPriority() {
            super(Overflow.DROP_LOWEST_PRIORITY);
        }
    }

    @Param(name = "priority", gen = IntGen.class, conf = "0:2")
    abstract static class Scenario {

        final BoundedBuffer<Item> buffer;

        Scenario(Overflow overflow) {
            this.buffer = new BoundedBuffer<>(new BufferLimits(2, 100, 2, 0), overflow, new Random(1), item -> {});
        }

        @Operation
        public String offer(@Param(name = "priority") int priority) {
            return buffer.offer(new Item(priority), 0).name();
        }

        @Operation
        public List<Integer> take() {
            List<Item> taken = new ArrayList<>();
            buffer.take(taken, 2, item -> Leave.TAKEN, List.of());
            buffer.handedOver(taken.size());
            return taken.stream().map(Buffered::priority).toList();
        }

        @Operation
        public void close() {
            buffer.close();
        }

        @Operation
        public int size() {
            return buffer.size();
        }
    }

    /** Broken: the look at the size and the insertion are two steps. */
    @Param(name = "priority", gen = IntGen.class, conf = "0:2")
    public static class LooksBeforeItLocks {

        private final List<Integer> waiting = new ArrayList<>();

        private synchronized int waitingNow() {
            return waiting.size();
        }

        private synchronized void add(int priority) {
            waiting.add(priority);
        }

        @Operation
        public String offer(@Param(name = "priority") int priority) {
            if (waitingNow() == 2) {
                return "FULL";
            }
            add(priority);
            return "ACCEPTED";
        }

        @Operation
        public int size() {
            return waitingNow();
        }
    }

    /** Broken: closing is a flag beside the lock, so a record can get in after the last take. */
    @Param(name = "priority", gen = IntGen.class, conf = "0:2")
    public static class ClosedOutsideTheLock {

        private final BoundedBuffer<Item> buffer =
                new BoundedBuffer<>(new BufferLimits(2, 100, 2, 0), Overflow.REJECT, new Random(1), item -> {});

        private volatile boolean closed;

        @Operation
        public String offer(@Param(name = "priority") int priority) {
            if (closed) {
                return "CLOSED";
            }
            return buffer.offer(new Item(priority), 0).name();
        }

        @Operation
        public int closeAndTakeAll() {
            closed = true;
            return buffer.take(new ArrayList<>(), 2, item -> Leave.TAKEN, List.of());
        }

        @Operation
        public int size() {
            return buffer.size();
        }
    }

    static final class Item extends Buffered {
        Item(int priority) {
            super(priority, 1);
        }
    }
}
