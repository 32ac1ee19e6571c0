package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Workers start records while the consumer drops them: each is started or dropped, never both and never neither. */
@Tag("interleavings")
class WaitingRoomLincheckTests {

    @Test
    void aRecordIsStartedOrDroppedNeverBoth() {
        options().check(Room.class);
    }

    @Test
    void aRoomThatChoosesItsVictimBeforeItTakesItOutIsCaught() {
        assertThatThrownBy(() -> options().check(ChoosesBeforeItTakes.class))
                .isInstanceOf(LincheckAssertionError.class);
    }

    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(100)
                .threads(2)
                .actorsPerThread(3)
                .actorsBefore(0)
                .actorsAfter(0);
    }

    @Param(name = "priority", gen = IntGen.class, conf = "0:2")
    public static class Room {

        private final WaitingRoom<Item> room =
                new WaitingRoom<>(Overflow.DROP_OLDEST, new Random(1), new NoGate(), 1, 16);

        private final WaitingLanes lanes = new WaitingLanes(WaitingLanes.Order.NONE);

        @Operation
        public void put(@Param(name = "priority") int priority) {
            room.put(new Item(priority), lanes, 0, true, 0);
        }

        @Operation
        public String start() {
            Item started = room.take(0);
            return started == null ? "none" : "started " + started.priority();
        }

        @Operation
        public String drop() {
            List<Item> victims = new ArrayList<>();
            room.takeVictims(new Item(9), 1, victims, 0);
            return victims.isEmpty() ? "none" : "dropped " + victims.get(0).priority();
        }

        @Operation
        public int waiting() {
            return room.size();
        }
    }

    /** Broken: the victim is looked for in one step and taken out in another, and a worker starts it in between. */
    @Param(name = "priority", gen = IntGen.class, conf = "0:2")
    public static class ChoosesBeforeItTakes {

        private final Deque<Integer> waiting = new ArrayDeque<>();

        private synchronized @Nullable Integer oldest() {
            return waiting.peekFirst();
        }

        private synchronized void remove(Integer item) {
            waiting.removeFirstOccurrence(item);
        }

        @Operation
        public synchronized void put(@Param(name = "priority") int priority) {
            waiting.add(priority);
        }

        @Operation
        public synchronized String start() {
            Integer started = waiting.pollFirst();
            return started == null ? "none" : "started " + started;
        }

        @Operation
        public String drop() {
            Integer victim = oldest();
            if (victim == null) {
                return "none";
            }
            remove(victim);
            return "dropped " + victim;
        }

        @Operation
        public synchronized int size() {
            return waiting.size();
        }
    }

    static final class NoGate implements StartGate<Item> {

        @Override
        public @Nullable Object groupOf(Item record) {
            return null;
        }

        @Override
        public long tryPass(Item record, Object group, long now) {
            return 0;
        }
    }

    static final class Item extends Waiting {

        Item(int priority) {
            super(priority, 1);
        }
    }
}
