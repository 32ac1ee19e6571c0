package io.github.kafkabackpressure.work;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How long a record takes on average. An average, as a thread that the operating system takes off its core for a moment
 * must not look like a slow handler.
 *
 * <p>Threading: safe for all.
 */
final class Pace {

    /** What the handling of a record is like. */
    enum Speed {
        /** Records do nothing but compute: more workers than cores are of no use to them. */
        COMPUTING,
        /** Records take less than starting a thread for them. */
        QUICK,
        /** A thread could be started in the time that a record takes. */
        SLOW
    }

    private static final long COMPUTING_NANOS = 2_000;

    private static final long SLOW_NANOS = 50_000;

    /** What a turn counts for at most in the average, and the number of records that the average is over. */
    private static final long LONGEST_NANOS = 1_000_000;

    private static final int AVERAGED = 64;

    /** Begins above the line, as nothing is known. */
    private final AtomicLong averageNanos = new AtomicLong(2 * SLOW_NANOS);

    Speed speed() {
        return speed(averageNanos.get());
    }

    private static Speed speed(long nanos) {
        if (nanos > SLOW_NANOS) {
            return Speed.SLOW;
        }
        return nanos > COMPUTING_NANOS ? Speed.QUICK : Speed.COMPUTING;
    }

    /**
     * Adds what a worker has seen to the average of all, with the weight of so many records: a worker that comes late
     * with one record must not replace what the others have learned from hundreds.
     */
    private Speed add(int records, long nanos) {
        return speed(averageNanos.accumulateAndGet(
                nanos, (average, seen) -> average + (seen - records * average) / AVERAGED));
    }

    /**
     * What one worker has seen and not yet told the others, and the speed as it knew it last.
     *
     * <p>Threading: that worker's.
     */
    final class Tally {

        private int records;

        private long nanos;

        private Speed speed = Pace.this.speed();

        Speed speed() {
            return speed;
        }

        /** Adds a turn of so many records. */
        void add(int inTurn, long turnNanos) {
            records += inTurn;
            nanos += Math.min(turnNanos, LONGEST_NANOS);
            if (records >= AVERAGED || turnNanos > SLOW_NANOS) {
                report();
            }
        }

        /** Tells the others. */
        void report() {
            speed = records == 0 ? Pace.this.speed() : Pace.this.add(records, nanos);
            records = 0;
            nanos = 0;
        }
    }
}
