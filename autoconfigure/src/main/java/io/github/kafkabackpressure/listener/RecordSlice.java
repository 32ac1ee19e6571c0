package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.progress.KeyHash;
import io.github.kafkabackpressure.progress.Slice;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * What one poll brought of one partition, as one task for one worker: how records get to handlers that only compute.
 *
 * <p>Threading: handed from the consumer's thread to a worker; the consumer looks at how far it is and breaks it up if
 * it does not get on. Fields say whose they are.
 */
final class RecordSlice extends Slice {

    /** So many finished records are taken out of flight together... */
    private static final int ACCOUNTED_TOGETHER = 32;

    /** ...or fewer, if there has been so long between the beginnings of their turns. */
    private static final long LONGEST_UNACCOUNTED_NANOS = 50_000;

    final PartitionWork partition;

    /** The first record's number in the partition's tracker; those of the others follow it. */
    final long firstNumber;

    final long queuedAt;

    /** How many finished records the tracker knows of; the consumer's thread only. */
    int applied;

    /** How far it was when the consumer last saw it move, and when that was; the consumer's thread only. */
    int claimedBefore;

    long movedAt;

    /** The hashes of keys that handlers may change, in {@code key} order; null if there are none of these. */
    private final int @Nullable [] hashes;

    /** Read by the worker; the consumer's thread forgets them once nobody claims any. */
    private List<? extends ConsumerRecord<?, ?>> records;

    /** The record that runs, -1 before the first; the worker's only, as are the fields below. */
    int running = -1;

    /** How many records the present turn has handled. */
    int inTurn;

    private int unaccounted;

    private long accountedAt;

    /** When the records began of which {@link #unaccounted} are finished. */
    long measuredAt;

    RecordSlice(
            List<? extends ConsumerRecord<?, ?>> records,
            PartitionWork partition,
            long firstNumber,
            long queuedAt,
            long now) {
        super(records.size());
        this.records = records;
        this.partition = partition;
        this.firstNumber = firstNumber;
        this.queuedAt = queuedAt;
        this.movedAt = now;
        this.hashes = partition.owner.run.options.ordering() == Ordering.KEY && hasMutableKeys(records)
                ? records.stream().mapToInt(RecordTask::hashOfKey).toArray()
                : null;
    }

    private static boolean hasMutableKeys(List<? extends ConsumerRecord<?, ?>> records) {
        for (ConsumerRecord<?, ?> record : records) {
            if (!KeyHash.isImmutable(record.key())) {
                return true;
            }
        }
        return false;
    }

    /** Forgets the records, none of which will be run here. The consumer's thread, which has broken the slice up. */
    void letGo() {
        records = List.of();
    }

    /** The record claimed last, which runs unless it has just ended; null if there is none any more. Anyone may ask. */
    @Nullable ConsumerRecord<?, ?> claimedRecord() {
        List<? extends ConsumerRecord<?, ?>> all = records;
        int index = claimed() - 1;
        return index < 0 || index >= all.size() ? null : all.get(index);
    }

    ConsumerRecord<?, ?> record(int index) {
        return records.get(index);
    }

    @Override
    protected RecordTask taskOf(int index) {
        RecordTask task = new RecordTask(records.get(index), partition, firstNumber + index, queuedAt);
        if (hashes != null) {
            task.takeLane(hashes[index]);
        }
        return task;
    }

    /** Bytes of keys and values of the records from one index to before another. */
    long bytes(int from, int to) {
        long sum = 0;
        for (int at = from; at < to; at++) {
            sum += ListenerRun.bytes(records.get(at));
        }
        return sum;
    }

    @Override
    public int recordsInTurn() {
        return inTurn;
    }

    /** Counts a record as finished. The worker's. */
    void countFinished() {
        unaccounted++;
    }

    /** Whether the records counted are enough, or late enough, to be taken out of flight. The worker's. */
    boolean isAccountingDue(long now) {
        return unaccounted >= ACCOUNTED_TOGETHER || now - accountedAt >= LONGEST_UNACCOUNTED_NANOS;
    }

    /** Counts anew from here on. The worker's. */
    void countAnew(long now) {
        unaccounted = 0;
        accountedAt = now;
    }
}
