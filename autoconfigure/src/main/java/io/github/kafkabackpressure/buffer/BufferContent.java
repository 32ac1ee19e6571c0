package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.Overflow;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What a buffer holds: the records that wait, those set aside and those in hand; what fits, and what is dropped for what.
 *
 * <p>Threading: under the lock of the buffer that owns it.
 *
 * @param <E> what waits
 */
final class BufferContent<E extends Buffered> {

    private final BufferLimits limits;

    private final Victims victims;

    private final BufferStates states;

    private final BufferedList<E> waiting = new BufferedList<>();

    private final BufferedList<E> aside = new BufferedList<>();

    private final InHand inHand = new InHand();

    private long acceptedTotal;

    /** Everything accepted up to this count is due, whatever batch size and linger say. */
    private long expediteUpTo;

    BufferContent(BufferLimits limits, Overflow overflow, RandomGenerator random, BufferStates states) {
        this.limits = limits;
        this.victims = Victims.of(overflow, new Droppable(), random);
        this.states = states;
    }

    /** Records that wait, those set aside included. */
    int records() {
        return waiting.records() + aside.records();
    }

    /** Their bytes. */
    long bytes() {
        return waiting.bytes() + aside.bytes();
    }

    /** Records that are not handed over. */
    int backlog() {
        return records() + inHand.count();
    }

    boolean fits(E record) {
        return records() < limits.records() && bytes() + record.bytes <= limits.bytes();
    }

    /** Why a record cannot be taken in, even if others were dropped for it; null if it can. */
    @Nullable Offer refusalOf(E record) {
        if (record.bytes > limits.bytes()) {
            return Offer.TOO_LARGE;
        }
        if (records() >= limits.softLimit() && record.priority < limits.shedPriority()) {
            return Offer.SHED;
        }
        if (!fits(record)) {
            states.full();
            int recordsMissing = Math.max(0, records() + 1 - limits.records());
            long bytesMissing = Math.max(0, bytes() + record.bytes - limits.bytes());
            if (!victims.canYield(record, recordsMissing, bytesMissing)) {
                return Offer.FULL;
            }
        }
        return null;
    }

    void append(E record, long now) {
        waiting.append(record);
        acceptedTotal++;
        record.accepted(acceptedTotal, now);
        victims.added(record);
        states.grown(records(), bytes());
    }

    /** Takes out the next one to drop. */
    @SuppressWarnings("unchecked") // Everything that waits was offered as an E.
    E takeVictim() {
        E victim = (E) victims.choose();
        remove(victim);
        return victim;
    }

    /** As {@link BoundedBuffer#take(Collection, int, Function, Collection)}. */
    int take(Collection<? super E> into, int max, Function<? super E, Leave> leave, Collection<? super E> asideNow) {
        long oldestPosition = 0;
        int taken = 0;
        int left = 0;
        for (E record = waiting.head(); record != null && left < max; record = waiting.head()) {
            Leave how = leave.apply(record);
            if (how == Leave.NOT_YET) {
                break;
            }
            if (how == Leave.ASIDE) {
                waiting.remove(record);
                victims.removed(record);
                aside.append(record);
                asideNow.add(record);
            } else {
                oldestPosition = taken == 0 ? record.position : oldestPosition;
                remove(record);
                into.add(record);
                taken++;
            }
            left++;
        }
        if (taken > 0) {
            inHand.add(taken, oldestPosition);
        }
        return left;
    }

    void handedOver(int count) {
        inHand.remove(count);
    }

    void setAside(E record) {
        aside.append(record);
    }

    /** Takes those into the hand that still stand aside. */
    int takeFromAside(Collection<E> these, Collection<? super E> into) {
        int taken = 0;
        for (E record : these) {
            if (aside.holds(record)) {
                aside.remove(record);
                inHand.add(1, record.position);
                into.add(record);
                taken++;
            }
        }
        shrunk();
        return taken;
    }

    List<E> takeAll() {
        List<E> all = new ArrayList<>();
        for (E record = aside.head(); record != null; record = aside.head()) {
            aside.remove(record);
            all.add(record);
        }
        for (E record = waiting.head(); record != null; record = waiting.head()) {
            remove(record);
            all.add(record);
        }
        shrunk();
        return all;
    }

    /**
     * As {@link BoundedBuffer#nanosUntilDue}.
     *
     * @param roomIsWanted whether somebody waits for room
     */
    long nanosUntilDue(int batchSize, long lingerNanos, long now, boolean roomIsWanted) {
        E oldest = waiting.head();
        if (oldest == null) {
            return Long.MAX_VALUE;
        }
        if (roomIsWanted
                || waiting.records() >= batchSize
                || records() >= limits.records()
                || bytes() >= limits.softBytes()
                || oldest.position <= expediteUpTo) {
            return 0;
        }
        return Math.max(0, lingerNanos - (now - oldest.acceptedNanos()));
    }

    /** As {@link BoundedBuffer#expedite}. */
    long expedite() {
        expediteUpTo = acceptedTotal;
        return acceptedTotal;
    }

    /** As {@link BoundedBuffer#hasLeft}. */
    boolean hasLeft(long mark) {
        return isBeyond(waiting.head(), mark) && isBeyond(aside.head(), mark) && inHand.areBeyond(mark);
    }

    private static boolean isBeyond(@Nullable Buffered oldest, long mark) {
        return oldest == null || oldest.position > mark;
    }

    private void remove(E record) {
        waiting.remove(record);
        victims.removed(record);
        shrunk();
    }

    private void shrunk() {
        states.shrunk(records(), bytes());
    }

    /** What may be dropped: what waits, but not what stands aside. */
    private final class Droppable implements Victims.Oldest.Head {

        @Override
        public @Nullable Buffered get() {
            return waiting.head();
        }

        @Override
        public boolean canYield(int records, long bytes) {
            return waiting.records() >= Math.max(1, records) && waiting.bytes() >= bytes;
        }
    }
}
