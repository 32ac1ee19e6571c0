package io.github.kafkabackpressure.listener.task;

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
public class RecordSlice extends Slice {

    /** So many finished records are taken out of flight together... */
    private static final int ACCOUNTED_TOGETHER = 32;

    /** ...or fewer, if there has been so long between the beginnings of their turns. */
    private static final long LONGEST_UNACCOUNTED_NANOS = 50_000;

    public final RecordOrigin partition;

    /** The first record's number in the partition's tracker; those of the others follow it. */
    public final long firstNumber;

    protected final long queuedAt;

    /** How many finished records the tracker knows of; the consumer's thread only. */
    public int applied;

    /** How far it was when the consumer last saw it move, and when that was; the consumer's thread only. */
    public int claimedBefore;

    public long movedAt;

    /** The hashes of keys that handlers may change, in {@code key} order; null if there are none of these. */
    private final int @Nullable [] hashes;

    /** Read by the worker; the consumer's thread forgets them once nobody claims any. */
    private List<? extends ConsumerRecord<?, ?>> records;

    /** The record that runs, -1 before the first; the worker's only, as are the fields below. */
    public int running = -1;

    /** How many records the present turn has handled. */
    public int inTurn;

    /** How much of the present turn went into telling others of records. */
    public long telling;

    private int unaccounted;

    private long accountedAt;

    /** When the records began of which {@link #unaccounted} are finished. */
    public long measuredAt;

    /**
     * Makes a slice.
     *
     * @param queuedAt when its records were polled, on the run's clock
     * @param byKey whether its records may have to be put on lanes by key
     */
    public RecordSlice(
            List<? extends ConsumerRecord<?, ?>> records,
            RecordOrigin partition,
            long firstNumber,
            long queuedAt,
            long now,
            boolean byKey) {
        super(records.size());
        this.records = records;
        this.partition = partition;
        this.firstNumber = firstNumber;
        this.queuedAt = queuedAt;
        this.movedAt = now;
        this.hashes = byKey && hasMutableKeys(records)
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
    public void letGo() {
        records = List.of();
    }

    /** The record claimed last, which runs unless it has just ended; null if there is none any more. Anyone may ask. */
    @Nullable ConsumerRecord<?, ?> claimedRecord() {
        List<? extends ConsumerRecord<?, ?>> all = records;
        int index = claimed() - 1;
        return index < 0 || index >= all.size() ? null : all.get(index);
    }

    public final ConsumerRecord<?, ?> record(int index) {
        return records.get(index);
    }

    /**
     * Whether it may be begun now. If not, somebody hands it to the workers again when it may, and nothing else of its lane
     * runs before that. Called by the worker that would begin it.
     */
    public boolean mayBegin(long now) {
        return true;
    }

    /** Whether its records, once it is broken up, wait elsewhere than on the lanes of their partition. */
    public boolean leavesLanes() {
        return false;
    }

    /**
     * Takes in that a record of it runs though it is broken up, where it {@link #leavesLanes}. The consumer's thread, before
     * any record behind it goes anywhere.
     */
    public void goesOn(RecordTask running) {}

    /** A hash of a record's key, as it was when the record was polled. */
    protected final int hashOfKey(int index) {
        return hashes == null ? RecordTask.hashOfKey(records.get(index)) : hashes[index];
    }

    @Override
    public RecordTask taskOf(int index) {
        RecordTask task = new RecordTask(records.get(index), partition, firstNumber + index, queuedAt);
        if (hashes != null) {
            task.takeLane(hashes[index]);
        }
        return task;
    }

    /** Bytes of keys and values of the records from one index to before another. */
    public long bytes(int from, int to) {
        long sum = 0;
        for (int at = from; at < to; at++) {
            sum += BytesInFlight.of(records.get(at));
        }
        return sum;
    }

    @Override
    public int recordsInTurn() {
        return inTurn;
    }

    /** How long its records have waited at a time, in nanoseconds. */
    public long waited(long now) {
        return Math.max(0, now - queuedAt);
    }

    /** Counts a record as finished. The worker's. */
    public void countFinished() {
        unaccounted++;
    }

    /** Whether the records counted are enough, or late enough, to be taken out of flight. The worker's. */
    public boolean isAccountingDue(long now) {
        return unaccounted >= ACCOUNTED_TOGETHER || now - accountedAt >= LONGEST_UNACCOUNTED_NANOS;
    }

    /** Counts anew from here on. The worker's. */
    public void countAnew(long now) {
        unaccounted = 0;
        accountedAt = now;
    }
}
