package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Measures how long a full listener takes from the completion that makes room to the first record polled after it.
 *
 * <p>Handlers are held until nothing more is polled; then all that was polled is let go at once. Room is made by the
 * completion that takes what is in flight down to the half of the limit, the default of {@code resume-at}. All records
 * are in one partition: offsets tell which were polled before.
 */
final class ResumeProbe implements Probe {

    private static final long TICK = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long QUIET = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long NEVER = Long.MIN_VALUE;

    private final Load load;

    private final long resumeAt;

    private final AtomicLong roomAt = new AtomicLong(NEVER);

    private final AtomicLong firstNewAt = new AtomicLong(NEVER);

    private final Object gate = new Object();

    /** Records below this offset may pass the gate. */
    private volatile long openBelow;

    ResumeProbe(Load load) {
        this.load = load;
        this.resumeAt = load.maxInFlight() / 2;
    }

    @Override
    public void handle(String value) {
        throw new IllegalStateException("The resume probe needs the record's offset");
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        if (record.offset() >= openBelow) {
            firstNewAt.compareAndSet(NEVER, System.nanoTime());
            awaitGate(record.offset());
        }
        PolledRecords.finished();
        if (roomAt.get() == NEVER && PolledRecords.polledSum() - PolledRecords.finishedSum() <= resumeAt) {
            roomAt.compareAndSet(NEVER, System.nanoTime());
        }
    }

    private void awaitGate(long offset) {
        synchronized (gate) {
            while (offset >= openBelow) {
                try {
                    gate.wait();
                } catch (InterruptedException ex) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
        }
    }

    @Override
    public Map<String, Double> await() {
        long[] nanos = new long[Math.toIntExact(load.records())];
        int rounds = 0;
        int failed = 0;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(load.limitSeconds());
        long warmUp = load.warmUp();
        while (rounds < nanos.length && System.nanoTime() - deadline < 0) {
            if (!awaitFull(deadline)) {
                break;
            }
            Long round = round();
            if (warmUp > 0) {
                warmUp--;
            } else if (round == null) {
                failed++;
            } else {
                nanos[rounds++] = round;
            }
        }
        return metrics(Arrays.copyOf(nanos, rounds), failed);
    }

    /** Lets go what was polled; null if nothing new came within ten seconds. */
    private @Nullable Long round() {
        // The other partitions' long polls should be met in every phase.
        LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(TimeUnit.MILLISECONDS.toNanos(500)));
        firstNewAt.set(NEVER);
        roomAt.set(NEVER);
        synchronized (gate) {
            openBelow = PolledRecords.lastOffset() + 1;
            gate.notifyAll();
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (firstNewAt.get() == NEVER || roomAt.get() == NEVER) {
            if (System.nanoTime() - deadline > 0) {
                return null;
            }
            LockSupport.parkNanos(TICK);
        }
        return firstNewAt.get() - roomAt.get();
    }

    /** Waits until something is in flight and nothing more has been polled for a while. */
    private static boolean awaitFull(long deadline) {
        long polled = -1;
        long since = System.nanoTime();
        while (true) {
            long now = System.nanoTime();
            if (now - deadline > 0) {
                return false;
            }
            long polledNow = PolledRecords.polledSum();
            if (polledNow != polled || polledNow == PolledRecords.finishedSum()) {
                polled = polledNow;
                since = now;
            } else if (now - since > QUIET) {
                return true;
            }
            LockSupport.parkNanos(TICK);
        }
    }

    private static Map<String, Double> metrics(long[] samples, int failed) {
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("rounds", (double) samples.length);
        metrics.put("roundsWithoutResume", (double) failed);
        metrics.put("peakInFlight", (double) PolledRecords.peak());
        if (samples.length > 0) {
            Arrays.sort(samples);
            metrics.put("resumeMedianMillis", Percentile.of(samples, 0.5) / 1e6);
            metrics.put("resumeP99Millis", Percentile.of(samples, 0.99) / 1e6);
            metrics.put("resumeMaxMillis", samples[samples.length - 1] / 1e6);
        }
        return metrics;
    }
}
