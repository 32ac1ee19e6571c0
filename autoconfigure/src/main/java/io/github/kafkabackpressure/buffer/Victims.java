package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Chooses which of the waiting records is dropped for one that comes. Each choice takes constant time.
 *
 * <p>Threading: under the lock of the buffer that owns it.
 */
interface Victims {

    /** Whether room for the given record can be made by dropping others. */
    boolean canYield(Buffered incoming, int recordsMissing, long bytesMissing);

    /** The next to drop; asked only after {@link #canYield} said yes. */
    Buffered choose();

    default void added(Buffered waiting) {}

    default void removed(Buffered waiting) {}

    static Victims of(Overflow overflow, Oldest.Head head, RandomGenerator random) {
        return switch (overflow) {
            case BLOCK, REJECT, DROP_NEWEST -> new None();
            case DROP_OLDEST -> new Oldest(head);
            case DROP_RANDOM -> new Random(random, head);
            case DROP_LOWEST_PRIORITY -> new LowestPriority();
        };
    }

    /** Drops nothing that waits. */
    final class None implements Victims {

        @Override
        public boolean canYield(Buffered incoming, int recordsMissing, long bytesMissing) {
            return false;
        }

        @Override
        public Buffered choose() {
            throw new IllegalStateException("Nothing that waits may be dropped");
        }
    }

    /** Drops what has waited longest. */
    final class Oldest implements Victims {

        interface Head {
            @Nullable Buffered get();

            /** Whether so much waits that can be dropped. */
            default boolean canYield(int records, long bytes) {
                return true;
            }
        }

        private final Head head;

        Oldest(Head head) {
            this.head = head;
        }

        @Override
        public boolean canYield(Buffered incoming, int recordsMissing, long bytesMissing) {
            return head.canYield(recordsMissing, bytesMissing);
        }

        @Override
        public Buffered choose() {
            Buffered oldest = head.get();
            if (oldest == null) {
                throw new IllegalStateException("Nothing waits");
            }
            return oldest;
        }
    }

    /** Drops what chance picks: the records stand in an array, in no order, and the last fills a gap. */
    final class Random implements Victims {

        private final RandomGenerator random;
        private final Oldest.Head head;
        private final List<Buffered> slots = new ArrayList<>();

        Random(RandomGenerator random, Oldest.Head head) {
            this.random = random;
            this.head = head;
        }

        @Override
        public boolean canYield(Buffered incoming, int recordsMissing, long bytesMissing) {
            return head.canYield(recordsMissing, bytesMissing);
        }

        @Override
        public Buffered choose() {
            return slots.get(random.nextInt(slots.size()));
        }

        @Override
        public void added(Buffered waiting) {
            waiting.slot = slots.size();
            slots.add(waiting);
        }

        @Override
        public void removed(Buffered waiting) {
            Buffered last = slots.remove(slots.size() - 1);
            if (last != waiting) {
                slots.set(waiting.slot, last);
                last.slot = waiting.slot;
            }
        }
    }

    /** Drops the oldest of the lowest priority, for a strictly higher one: a queue for each priority. */
    final class LowestPriority implements Victims {

        private static final int PRIORITIES = Buffered.HIGHEST_PRIORITY + 1;

        private final @Nullable Buffered[] oldest = new Buffered[PRIORITIES];
        private final @Nullable Buffered[] newest = new Buffered[PRIORITIES];
        private final int[] records = new int[PRIORITIES];
        private final long[] bytes = new long[PRIORITIES];

        @Override
        public boolean canYield(Buffered incoming, int recordsMissing, long bytesMissing) {
            int recordsBelow = 0;
            long bytesBelow = 0;
            for (int priority = 0; priority < incoming.priority; priority++) {
                recordsBelow += records[priority];
                bytesBelow += bytes[priority];
            }
            return recordsBelow >= recordsMissing && bytesBelow >= bytesMissing && recordsBelow > 0;
        }

        @Override
        public Buffered choose() {
            for (Buffered candidate : oldest) {
                if (candidate != null) {
                    return candidate;
                }
            }
            throw new IllegalStateException("Nothing waits");
        }

        @Override
        public void added(Buffered waiting) {
            int priority = waiting.priority;
            Buffered last = newest[priority];
            waiting.olderPeer = last;
            if (last == null) {
                oldest[priority] = waiting;
            } else {
                last.newerPeer = waiting;
            }
            newest[priority] = waiting;
            records[priority]++;
            bytes[priority] += waiting.bytes;
        }

        @Override
        public void removed(Buffered waiting) {
            int priority = waiting.priority;
            Buffered before = waiting.olderPeer;
            Buffered after = waiting.newerPeer;
            if (before == null) {
                oldest[priority] = after;
            } else {
                before.newerPeer = after;
            }
            if (after == null) {
                newest[priority] = before;
            } else {
                after.olderPeer = before;
            }
            waiting.olderPeer = null;
            waiting.newerPeer = null;
            records[priority]--;
            bytes[priority] -= waiting.bytes;
        }
    }
}
