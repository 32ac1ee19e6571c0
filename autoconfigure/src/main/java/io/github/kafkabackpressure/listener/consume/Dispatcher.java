package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.overload.QueuedRecord;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordSlice;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Puts the records that a consumer has polled on their lanes, as slices or one by one, and hands what may run to the
 * workers. Slices it watches: what is behind a record that takes its time is handed out again.
 *
 * <p>Threading: the consumer's thread.
 */
public final class Dispatcher {

    /**
     * How long a record of a slice may take before the others are handed out again. Long enough for a thread that the
     * operating system takes off its core: that happens many times a second where cores are short.
     */
    static final long LONGEST_IN_SLICE = TimeUnit.MILLISECONDS.toNanos(5);

    private final AssignedPartitions partitions;

    private final ListenerRun run;

    /** Whether records may come in slices. */
    private final boolean takesSlices;

    private final @Nullable Overload overload;

    private final boolean byKey;

    /** Sorts what is polled where more than a pause answers overload; null where nothing else does. */
    private final @Nullable Sorter sorter;

    /** The partitions with slices that are not known to be over. */
    private final List<PartitionWork> sliced = new ArrayList<>();

    /** Tasks that may run and have not been submitted yet. */
    private final List<LaneTask> ready = new ArrayList<>();

    /** The records that were running when their slices were broken up and have not been taken in since. */
    private final Hanging hanging;

    Dispatcher(ConsumerSide side, AssignedPartitions partitions, Hanging hanging) {
        this.partitions = partitions;
        this.run = side.run;
        this.takesSlices = side.takesSlices();
        this.overload = side.overload;
        this.sorter = overload == null ? null : new Sorter(run, overload);
        this.hanging = hanging;
        this.byKey = run.settings.ordering() == Ordering.KEY;
    }

    /** Puts polled records on their lanes, and hands those to the workers that may run. */
    void dispatch(ConsumerRecords<?, ?> records) {
        long now = run.nanoTime.getAsLong();
        boolean inSlices = takesSlices && run.workers.isComputing();
        for (TopicPartition partition : records.partitions()) {
            List<? extends ConsumerRecord<?, ?>> polled = inOrder(records.records(partition));
            if (polled.isEmpty()) {
                continue; // an interceptor has taken them out
            }
            PartitionWork work = partitions.work(partition);
            if (work == null) {
                if (sorter == null) {
                    run.limit.release(polled.size()); // gone since the poll: its next owner gets them
                }
                continue;
            }
            long first = polled.get(0).offset();
            if (first < work.tracker.position()) {
                sought(work, first); // by Kafka's consumer itself: a reset, or a log that was cut off
            }
            enqueue(work, polled, now, inSlices && work.lanes.takesSlice());
        }
        submitReady();
    }

    /** Records in the order of their offsets, as they are unless an interceptor has changed it. */
    private static List<? extends ConsumerRecord<?, ?>> inOrder(List<? extends ConsumerRecord<?, ?>> polled) {
        long last = Long.MIN_VALUE;
        for (ConsumerRecord<?, ?> record : polled) {
            if (record.offset() < last) {
                return polled.stream()
                        .sorted(Comparator.comparingLong(ConsumerRecord::offset))
                        .toList();
            }
            last = record.offset();
        }
        return polled;
    }

    /** Puts a partition's polled records on their lanes. */
    private void enqueue(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled, long now, boolean asSlice) {
        if (work.committed < 0) {
            work.committed = polled.get(0).offset();
        }
        ConsumerRecord<?, ?> last = polled.get(polled.size() - 1);
        work.lastPolled = last.offset();
        work.leaderEpoch = Math.max(work.leaderEpoch, last.leaderEpoch().orElse(-1));
        work.sight.polls.add(polled.get(0).offset(), now);
        partitions.touch(work);
        if (sorter != null) {
            RecordSlice slice = asSlice ? sorter.slice(work, polled, now, () -> register(work, polled)) : null;
            if (slice != null) {
                enqueue(work, slice);
                return;
            }
            if (work.lanes.hasSlicesInTheWay()) {
                breakUpSlices(work, now);
            }
            sorter.sort(work, polled, now);
            return;
        }
        if (work.tracker.remembers()) {
            enqueueUnlessRemembered(work, polled, now);
            return;
        }
        work.inFlight.add(polled.size());
        run.room.bytes.addAll(work, polled);
        if (asSlice) {
            enqueue(work, new RecordSlice(polled, work, register(work, polled), now, now, byKey));
        } else {
            if (work.lanes.hasSlicesInTheWay()) {
                breakUpSlices(work, now);
            }
            for (ConsumerRecord<?, ?> record : polled) {
                enqueue(work, new RecordTask(record, work, work.tracker.register(record.offset()), now));
            }
        }
    }

    /** Puts those of a partition's polled records on their lanes that no former assignment has finished. */
    private void enqueueUnlessRemembered(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled, long now) {
        List<RecordTask> tasks = new ArrayList<>();
        List<ConsumerRecord<?, ?>> unfinished = new ArrayList<>();
        for (ConsumerRecord<?, ?> record : polled) {
            boolean finished = work.isRemembered(record);
            long number = work.tracker.register(record.offset());
            if (finished) {
                work.tracker.finish(number);
            } else {
                tasks.add(new RecordTask(record, work, number, now));
                unfinished.add(record);
            }
        }
        work.inFlight.add(tasks.size());
        run.room.bytes.addAll(work, unfinished);
        if (!tasks.isEmpty() && work.lanes.hasSlicesInTheWay()) {
            breakUpSlices(work, now);
        }
        tasks.forEach(task -> enqueue(work, task));
        int finished = polled.size() - tasks.size();
        if (finished > 0) {
            run.limit.release(finished);
            run.metrics.remembered(finished);
            run.room.wakeIfRoom();
        }
    }

    /** Gives polled records their numbers, which follow one another; the first one's is returned. */
    private static long register(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled) {
        long offset = polled.get(0).offset();
        int count = polled.size();
        if (polled.get(count - 1).offset() - offset == count - 1) {
            return work.tracker.register(offset, count);
        }
        long first = work.tracker.register(offset);
        for (int index = 1; index < count; index++) {
            work.tracker.register(polled.get(index).offset());
        }
        return first;
    }

    private void enqueue(PartitionWork work, RecordSlice slice) {
        if (!work.lanes.hasSlices() && !sliced.contains(work)) {
            sliced.add(work);
        }
        if (!work.lanes.enqueue(slice)) {
            ready.add(slice);
        }
    }

    private void enqueue(PartitionWork work, RecordTask task) {
        if (sorter != null) {
            sorter.putBack(work, ((QueuedRecord.Task) task).waiting, run.nanoTime.getAsLong());
            return;
        }
        if (!work.lanes.enqueue(task)) {
            ready.add(task);
        }
    }

    private void submitReady() {
        if (sorter != null) {
            sorter.finish();
        }
        run.workers.submit(ready.toArray(LaneTask[]::new));
        ready.clear();
    }

    /**
     * Takes in that the consumer stands at another offset of a partition than where it has polled to: what is at or past
     * that offset is dropped, as it comes again; what is below it goes on.
     *
     * @return whether the consumer has gone back by that
     */
    boolean sought(PartitionWork work, long offset) {
        work.lagHoldsUntil = run.nanoTime.getAsLong(); // there are other records to be fetched now
        work.tracker.forget(offset); // who seeks wants what comes there
        if (offset >= work.tracker.position()) {
            return false;
        }
        rewind(work, offset);
        endWaits(work);
        work.giveUpUnacknowledged();
        partitions.touch(work); // it may be paused for what was in flight before
        return true;
    }

    /** Ends the waits of records with which there is nothing to go on: for a next attempt, or for a slot to make it. */
    void endWaits(PartitionWork work) {
        work.endWaits();
        run.workers.lookAgain();
    }

    private void rewind(PartitionWork work, long offset) {
        List<RecordTask> rest = work.lanes.breakUpSlices(run.nanoTime.getAsLong());
        work.rewind(offset);
        if (overload != null) {
            overload.rewind(work);
        }
        for (RecordTask task : rest) {
            if (task.isDropped()) {
                run.flight.leave(task);
            } else {
                enqueue(work, task);
            }
        }
        submitReady();
    }

    /** Makes a task of each record that no slice of a partition has begun. */
    private void breakUpSlices(PartitionWork work, long now) {
        for (RecordTask task : work.lanes.breakUpSlices(now)) {
            enqueue(work, task);
        }
    }

    /** Whether there are slices that may have to be broken up. */
    public boolean hasSlices() {
        return !sliced.isEmpty();
    }

    /** Takes in how far slices are, and breaks up those of which a record takes its time after all. */
    void takeSlices() {
        if (sliced.isEmpty()) {
            return;
        }
        long now = run.nanoTime.getAsLong();
        boolean slow = run.workers.isSlow();
        for (PartitionWork work : sliced) {
            if (work.lanes.applySlices(now)) {
                partitions.touch(work);
            }
            RecordSlice afterLanes = work.lanes.takeSliceAfterLanes();
            if (afterLanes != null) {
                ready.add(afterLanes);
            }
            boolean breaksUp = slow || (sorter != null && !sorter.takesSlice(work));
            if (work.lanes.hasSlices() && (breaksUp || work.lanes.hasStuckSlice(now - LONGEST_IN_SLICE))) {
                breakUpSlices(work, now);
                partitions.touch(work);
            }
        }
        sliced.removeIf(work -> !work.lanes.hasSlices());
        submitReady();
    }

    /** Whether records that were running when their slices were broken up have not been taken in yet. */
    boolean hasHanging() {
        return hanging.hasSome();
    }

    /** Forgets a partition that goes away and whose slices have been broken up. */
    void forget(PartitionWork work) {
        sliced.remove(work);
    }
}
