package io.github.kafkabackpressure.flow;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * How quickly records are appended to a partition, by its end as fetches tell it now and then. While the partition is
 * paused nothing is fetched, and its end stands still for whoever looks; what was appended meanwhile is seen in one go when
 * it is resumed. So the rate is taken from one move of the end to another, and in between stays what it was.
 *
 * <p>Threading: one thread.
 */
public final class ArrivalRate {

    /** What is known of an end beyond the end itself. */
    public enum Knowledge {

        /** Nothing is fetched: it may have moved. */
        PAUSED,

        /** There are records before it, and they may have been fetched long ago: it may have moved. */
        BEHIND,

        /** The consumer has come to it, so a fetch would tell if it moved. */
        AT_END
    }

    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** A consumer that is behind and polls may take so long for what it has fetched; then the end counts as standing. */
    private static final long FETCHED_LASTS_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** From when to when the end is known to have been where it was after so many arrivals. */
    private record Sight(long arrivals, long from, long until) {}

    /** The moves of the window, and the last one before it: at most one a look. */
    private final Deque<Sight> sights = new ArrayDeque<>();

    private long end;

    private long lookedAt;

    private Knowledge before = Knowledge.PAUSED;

    /** For how long the consumer polled, and was behind, since the end moved last. */
    private long behindNanos;

    /**
     * Takes in where the end is. To be called about once a second: it remembers some ten calls.
     *
     * @param seen the end as the last fetch told it; where it goes back, nothing has arrived
     * @param knowledge what else is known of it
     * @param now the present time in nanoseconds
     */
    public void look(long seen, Knowledge knowledge, long now) {
        if (sights.isEmpty()) {
            sights.addLast(new Sight(0, now, now));
        } else if (seen > end) {
            sights.addLast(new Sight(sights.getLast().arrivals() + seen - end, now, now));
            behindNanos = 0;
        } else if (knowledge == Knowledge.AT_END && before == Knowledge.AT_END) {
            Sight last = sights.removeLast(); // what it was at the last look a poll has confirmed since
            sights.addLast(new Sight(last.arrivals(), last.from(), lookedAt));
        } else if (knowledge == Knowledge.BEHIND && before == Knowledge.BEHIND) {
            behindNanos += now - lookedAt;
        }
        end = seen;
        lookedAt = now;
        before = knowledge;
        forgetOld();
    }

    private void forgetOld() {
        long begin = sights.getLast().until() - WINDOW_NANOS;
        while (sights.size() > 1 && secondOldest().from() - begin <= 0) {
            sights.removeFirst();
        }
    }

    private Sight secondOldest() {
        return sights.stream().skip(1).findFirst().orElseThrow();
    }

    /** Records a second, over some ten seconds or the time between two moves of the end; 0 as long as it has not moved. */
    public double perSecond() {
        if (sights.size() < 2) {
            return 0;
        }
        Sight first = sights.getFirst();
        Sight last = sights.getLast();
        long begin = last.until() - WINDOW_NANOS;
        long from = begin - first.until() > 0 ? first.until() : begin - first.from() > 0 ? begin : first.from();
        long nanos = last.until() - from + Math.max(0, behindNanos - FETCHED_LASTS_NANOS);
        return (last.arrivals() - first.arrivals()) / (nanos / (double) TimeUnit.SECONDS.toNanos(1));
    }
}
