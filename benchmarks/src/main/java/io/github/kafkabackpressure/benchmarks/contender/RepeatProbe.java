package io.github.kafkabackpressure.benchmarks.contender;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * Counts, in the process that follows a killed one, the records that come though they were marked as handled, and those
 * that never come though they were not.
 *
 * <p>It handles for so long that all that was handled since the last commit must have come: longer than any contender
 * goes without a commit.
 */
final class RepeatProbe implements Probe {

    private static final long START_NANOS = TimeUnit.SECONDS.toNanos(40);

    private static final long HANDLING_NANOS = TimeUnit.SECONDS.toNanos(8);

    private final Run run;

    private final Work work;

    private final Marks marks;

    private final AtomicLongArray firstOffsets;

    private final LongAdder repeated = new LongAdder();

    RepeatProbe(Run run) {
        this.run = run;
        this.work = Work.of(run);
        this.marks = KilledProbe.open(run);
        this.firstOffsets = new AtomicLongArray(run.partitions());
        for (int partition = 0; partition < run.partitions(); partition++) {
            firstOffsets.set(partition, Long.MAX_VALUE);
        }
    }

    @Override
    public void handle(String value) {
        throw new IllegalStateException("This probe needs the record's offset");
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        firstOffsets.accumulateAndGet(record.partition(), record.offset(), Math::min);
        if (marks.isMarked(record.partition(), record.offset())) {
            repeated.increment();
        }
        work.on(record);
        PolledRecords.finished();
    }

    @Override
    public Map<String, Double> await() {
        long start = System.nanoTime();
        while (PolledRecords.finishedSum() == 0 && System.nanoTime() - start < START_NANOS) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
        }
        LockSupport.parkNanos(HANDLING_NANOS);
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("repeatedRecords", (double) repeated.sum());
        metrics.put("lostRecords", (double) lost());
        metrics.put("records", (double) PolledRecords.finishedSum());
        return metrics;
    }

    /** What is before the first record that came of its partition, and was not handled. */
    private long lost() {
        long lost = 0;
        for (int partition = 0; partition < run.partitions(); partition++) {
            long first = firstOffsets.get(partition);
            for (long offset = 0; first != Long.MAX_VALUE && offset < first; offset++) {
                if (!marks.isMarked(partition, offset)) {
                    lost++;
                }
            }
        }
        return lost;
    }
}
