package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What a handler does with a record: it waits, it computes, it fails at the first attempt, or nothing.
 *
 * <p>Computing is a number of steps and not a time: on a core that others want too, a time would pass without work.
 *
 * <p>Threading: any number of threads at once.
 */
public final class Work {

    /** Keeps what was computed from being optimized away. */
    @SuppressWarnings("UnusedVariable")
    private static volatile long sink;

    private final long waitNanos;

    private final long steps;

    private final int failOneIn;

    /** Records that have failed once and are to come again, by partition and offset. */
    private final Set<Long> failed = ConcurrentHashMap.newKeySet();

    private Work(long waitNanos, long steps, int failOneIn) {
        this.waitNanos = waitNanos;
        this.steps = steps;
        this.failOneIn = failOneIn;
    }

    static Work of(Run run) {
        return new Work(
                TimeUnit.MICROSECONDS.toNanos(run.load().handlerMicros()),
                run.setup().steps(),
                run.setup().failOneIn());
    }

    /** How many steps this machine takes in a microsecond. */
    public static long stepsPerMicrosecond() {
        long steps = 20_000_000;
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 20; i++) {
            long start = System.nanoTime();
            compute(steps);
            best = Math.min(best, System.nanoTime() - start);
        }
        return Math.max(1, steps * 1000 / best);
    }

    boolean waits() {
        return waitNanos > 0;
    }

    /**
     * Does it.
     *
     * @param record the record, or null for a contender that shows its value only
     * @return how long it waited, in nanoseconds
     * @throws HandlerFailedException if this is the record's first attempt, and it is one of those that fail
     */
    long on(@Nullable ConsumerRecord<?, ?> record) {
        if (failOneIn > 0 && record != null && record.offset() % failOneIn == 0) {
            failOnce(((long) record.partition() << 40) | record.offset());
        }
        if (steps > 0) {
            compute(steps);
        }
        return waitNanos > 0 ? await() : 0;
    }

    private void failOnce(Long record) {
        if (failed.add(record)) {
            throw new HandlerFailedException();
        }
        failed.remove(record);
    }

    private static void compute(long steps) {
        long value = steps;
        for (long i = 0; i < steps; i++) {
            value = value * 6364136223846793005L + i;
        }
        if (value == 42) {
            sink = value;
        }
    }

    private long await() {
        long start = System.nanoTime();
        long waited = 0;
        while (waited < waitNanos) {
            LockSupport.parkNanos(waitNanos - waited);
            waited = System.nanoTime() - start;
        }
        return waited;
    }

    /** What a handler throws for a record that is to fail. */
    static final class HandlerFailedException extends RuntimeException {

        HandlerFailedException() {
            super("This record fails at its first attempt");
        }
    }
}
