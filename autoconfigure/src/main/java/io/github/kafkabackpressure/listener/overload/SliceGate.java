package io.github.kafkabackpressure.listener.overload;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.buffer.WaitingLanes;
import io.github.kafkabackpressure.buffer.WaitingRoom;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Where slices wait for their tokens, first come, first served among those that share a bucket. To ask for each record,
 * and to have it wait in the room, costs more than to handle one that only computes.
 *
 * <p>A slice keeps the tokens that it could take and waits for the rest, so that single records cannot take them all away.
 * It holds its lane meanwhile, and no worker.
 *
 * <p>Threading: the workers, and the JDK's timer thread; {@link #slice} the consumer's.
 */
public final class SliceGate implements GatedSlice.Gate {

    private final ListenerRun run;

    /** Starts what has left its slice. */
    private final QueuedRecord.Starter starter;

    private final WaitingRoom<QueuedRecord> room;

    private final int defaultPriority;

    private final StartRates rates;

    private final RoomTimer timer;

    @GuardedBy("this") private final List<GatedSlice> waiting = new ArrayList<>();

    private volatile boolean waitedAt;

    SliceGate(
            ListenerRun run,
            QueuedRecord.Starter starter,
            WaitingRoom<QueuedRecord> room,
            int defaultPriority,
            StartRates rates) {
        this.run = run;
        this.starter = starter;
        this.room = room;
        this.defaultPriority = defaultPriority;
        this.rates = rates;
        this.timer = new RoomTimer(run.nanoTime, this::look);
    }

    /**
     * Makes a slice, whose records were registered and are in flight.
     *
     * @param group what {@link #groupOf} has said of their partition
     */
    public GatedSlice slice(
            List<? extends ConsumerRecord<?, ?>> records,
            RecordOrigin partition,
            long firstNumber,
            WaitingLanes lanes,
            Object group,
            long now) {
        boolean byKey = run.settings.ordering() == Ordering.KEY;
        long tokens = rates.tokensOf(records.size());
        return new GatedSlice(records, partition, firstNumber, this, lanes, group, tokens, byKey, now);
    }

    /** Whose tokens the records of a partition take in slices; null if each of them has to be asked about. */
    public @Nullable Object groupOf(RecordOrigin partition) {
        return rates.groupOfSlices(partition.partition);
    }

    /** Whether slices wait for tokens. Anyone may ask. */
    public boolean isWaitedAt() {
        return waitedAt;
    }

    @Override
    public QueuedRecord queued(
            ConsumerRecord<?, ?> record, RecordOrigin partition, long number, long queuedAt, boolean paid) {
        QueuedRecord queued = new QueuedRecord(record, partition, number, queuedAt, starter, defaultPriority);
        if (!paid) {
            rates.prepare(queued);
        }
        return queued;
    }

    @Override
    public void goesOn(QueuedRecord record, WaitingLanes lanes) {
        room.putStarted(record, lanes, record.laneKey());
    }

    @Override
    public boolean passes(GatedSlice slice, long now) {
        long wait;
        synchronized (this) {
            if (slice.isBrokenUp()) {
                return true;
            }
            wait = isWaitedFor(slice.group) ? 0 : pay(slice, now);
            if (slice.missing == 0) {
                return true;
            }
            waiting.add(slice);
            waitedAt = true;
        }
        if (wait > 0) { // else the timer is set for those before it
            timer.set(now + wait);
        }
        return false;
    }

    @GuardedBy("this") private boolean isWaitedFor(Object group) {
        for (GatedSlice slice : waiting) {
            if (slice.group.equals(group)) {
                return true;
            }
        }
        return false;
    }

    /** Takes what tokens there are for a slice. Returns in how many nanoseconds there may be the rest; 0 if it passes. */
    @GuardedBy("this") private long pay(GatedSlice slice, long now) {
        long missing = slice.missing - rates.takeUpTo(slice.group, slice.missing, now);
        slice.missing = missing;
        return missing == 0 ? 0 : Math.max(1, rates.nanosUntil(slice.group, missing, now));
    }

    /** Hands those to the workers that have their tokens by now. Called when tokens are due, or other rates hold. */
    void look() {
        if (run.workers.isClosed()) {
            return;
        }
        List<GatedSlice> passing = new ArrayList<>();
        long now = run.nanoTime.getAsLong();
        long next = Long.MAX_VALUE;
        synchronized (this) {
            Set<Object> lacking = new HashSet<>();
            for (Iterator<GatedSlice> left = waiting.iterator(); left.hasNext(); ) {
                GatedSlice slice = left.next();
                long wait = slice.isBrokenUp() ? 0 : lacking.contains(slice.group) ? Long.MAX_VALUE : pay(slice, now);
                if (wait == 0) {
                    left.remove();
                    passing.add(slice);
                } else {
                    lacking.add(slice.group);
                    next = Math.min(next, wait);
                }
            }
            waitedAt = !waiting.isEmpty();
        }
        passing.forEach(run.workers::submitAgain);
        if (next != Long.MAX_VALUE) {
            timer.set(now + next);
        }
    }
}
