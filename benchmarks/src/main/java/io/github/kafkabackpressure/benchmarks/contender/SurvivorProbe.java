package io.github.kafkabackpressure.benchmarks.contender;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Measures how long the one member of a group that is left takes, from the kill of the other, until it handles records of
 * all partitions and is as fast as it was.
 */
final class SurvivorProbe implements Probe {

    private static final long STEP = TimeUnit.MILLISECONDS.toNanos(50);

    /** The rate is that of so many steps. */
    private static final int STEPS = 5;

    private static final long RECENT = TimeUnit.SECONDS.toNanos(1);

    /** How long partitions must have been shared before the other member is killed. */
    private static final long SHARED = TimeUnit.SECONDS.toNanos(3);

    private final Run run;

    private final Work work;

    /** When a record of each partition was handled last. */
    private final AtomicLongArray lastHandled;

    SurvivorProbe(Run run) {
        this.run = run;
        this.work = Work.of(run);
        this.lastHandled = new AtomicLongArray(run.partitions());
        long never = System.nanoTime() - TimeUnit.DAYS.toNanos(1);
        for (int partition = 0; partition < run.partitions(); partition++) {
            lastHandled.set(partition, never);
        }
    }

    @Override
    public void handle(String value) {
        throw new IllegalStateException("This probe needs the record's partition");
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        work.on(record);
        lastHandled.lazySet(record.partition(), System.nanoTime());
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        Map<String, Double> metrics = new LinkedHashMap<>();
        long limit = TimeUnit.SECONDS.toNanos(run.load().limitSeconds());
        if (!awaitShared(limit)) {
            return metrics;
        }
        double before = rate(TimeUnit.SECONDS.toNanos(2));
        BitSet own = handledSince(System.nanoTime() - RECENT);
        Requests.send(Requests.KILL);
        long killed = System.nanoTime();
        Deque<Double> rates = new ArrayDeque<>();
        double slowest = before;
        boolean takenOver = false;
        while (System.nanoTime() - killed < limit) {
            rates.addLast(rate(STEP));
            if (rates.size() > STEPS) {
                rates.removeFirst();
            }
            double recent =
                    rates.stream().mapToDouble(Double::doubleValue).average().orElse(0);
            double seconds = (System.nanoTime() - killed) / 1e9;
            slowest = rates.size() == STEPS ? Math.min(slowest, recent) : slowest;
            if (!takenOver && hasAll(own, killed)) {
                takenOver = true;
                metrics.put("takeoverSeconds", seconds);
            }
            if (takenOver && recent >= 0.9 * before) {
                metrics.put("fullSpeedSeconds", seconds);
                break;
            }
        }
        metrics.put("recordsPerSecond", before);
        metrics.put("slowestPerSecond", slowest);
        return metrics;
    }

    /** Waits until, for a while, some partitions have been handled here, and some not. */
    private boolean awaitShared(long limit) {
        long start = System.nanoTime();
        long since = start;
        while (System.nanoTime() - start < limit) {
            LockSupport.parkNanos(STEP);
            int handled = handledSince(System.nanoTime() - RECENT).cardinality();
            if (handled == 0 || handled == run.partitions()) {
                since = System.nanoTime();
            } else if (System.nanoTime() - since > SHARED) {
                return true;
            }
        }
        return false;
    }

    private boolean hasAll(BitSet own, long killed) {
        BitSet all = handledSince(killed);
        all.or(own);
        return all.cardinality() == run.partitions();
    }

    private BitSet handledSince(long nanos) {
        BitSet handled = new BitSet(run.partitions());
        for (int partition = 0; partition < run.partitions(); partition++) {
            if (lastHandled.get(partition) - nanos > 0) {
                handled.set(partition);
            }
        }
        return handled;
    }

    private static double rate(long nanos) {
        long count = PolledRecords.finishedSum();
        long start = System.nanoTime();
        LockSupport.parkNanos(nanos);
        return (PolledRecords.finishedSum() - count) / ((System.nanoTime() - start) / 1e9);
    }
}
