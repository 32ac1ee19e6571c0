package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.listener.task.AllSteps;
import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.CompletionMailbox;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The partitions of one consumer and the work in them: takes in what has been polled and what has been finished, and ends
 * the work of partitions that go away.
 *
 * <p>Threading: the consumer's thread; anyone may read the partitions.
 */
public final class Assignment {

    public final ListenerRun run;

    public final ConsumerSide side;

    /** What workers may do to the consumer, and know of it. */
    public final ConsumerLink link;

    public final Dispatcher dispatcher;

    /** The room for the next poll. */
    public final PollRoom room;

    /** What commits say besides their offsets; set before the consumer polls. */
    CommitContent content = CommitContent.plain(OffsetAndMetadata::new);

    private final Consumer<?, ?> consumer;

    private final AssignedPartitions partitions = new AssignedPartitions();

    private final Hanging hanging = new Hanging();

    /** What the last poll failed with. */
    private @Nullable Throwable pollFailure;

    /**
     * Makes the assignment of a consumer, to which nothing is assigned yet.
     *
     * @param wakeup ends the consumer's poll
     */
    public Assignment(ConsumerSide side, Consumer<?, ?> consumer, Runnable wakeup) {
        this.run = side.run;
        this.side = side;
        this.consumer = consumer;
        this.link = new ConsumerLink(consumer, wakeup, run.failure, run.nanoTime);
        this.dispatcher = new Dispatcher(side, partitions, hanging);
        this.room = new PollRoom(run, link);
        run.room.add(link);
        side.add(partitions);
    }

    public @Nullable PartitionWork work(TopicPartition partition) {
        return partitions.work(partition);
    }

    /** The partitions assigned now. Called by anyone. */
    public Collection<PartitionWork> works() {
        return partitions.works();
    }

    /** Their names. Called by anyone. */
    public Set<TopicPartition> names() {
        return partitions.names();
    }

    /** Starts the work of partitions that are newly assigned. */
    public List<PartitionWork> assigned(Collection<TopicPartition> assigned) {
        List<PartitionWork> added = new ArrayList<>();
        for (TopicPartition partition : assigned) {
            if (work(partition) == null) {
                PartitionWork work = new PartitionWork(partition, link, run, hanging, side.overload != null);
                partitions.add(work);
                run.partitions.incrementAndGet();
                added.add(work);
            }
        }
        if (side.overload != null) {
            side.overload.share.assigned(
                    added, topic -> consumer.partitionsFor(topic).size());
        }
        return added;
    }

    /**
     * Takes in that the consumer stands at another offset of a partition than where it has polled to: what is at or past
     * that offset is dropped, as it comes again; what is below it goes on.
     *
     * @return whether the consumer has gone back by that
     */
    public boolean sought(PartitionWork work, long offset) {
        return dispatcher.sought(work, offset);
    }

    /** How many records a poll may bring, now that it is over: the limit may have been lowered since it began. */
    int allowed() {
        // What finds no place where more than a pause answers overload is dropped, or waits for one there.
        return side.overload != null ? Integer.MAX_VALUE : room.allowed();
    }

    /** Puts the reserved room to use and polled records on their lanes. */
    public void dispatch(ConsumerRecords<?, ?> records) {
        room.use(side.overload == null ? records.count() : 0); // with an Overload each has to get a place of its own
        run.metrics.polled(records.count());
        run.room.wakeIfRoom(); // the poll may not have needed all of it
        dispatcher.dispatch(records);
        moveTo(records.nextOffsets());
    }

    /** Takes in where the consumer stands, which is past the last record where holes in the offsets follow. */
    void moveTo(Map<TopicPartition, OffsetAndMetadata> nextOffsets) {
        nextOffsets.forEach((partition, next) -> {
            PartitionWork work = work(partition);
            if (work != null) {
                work.tracker.moveTo(next.offset());
                touch(work);
            }
        });
    }

    /** Takes in what workers have finished: all of it, whatever one of them throws. */
    public void takeCompletions() {
        AllSteps steps = new AllSteps();
        for (LaneTask task = link.mailbox.takeAll(); task != null; ) {
            LaneTask next = CompletionMailbox.next(task);
            try {
                RecordTask completed = (RecordTask) task;
                PartitionWork work = (PartitionWork) completed.partition;
                work.lanes.applied(completed);
                touch(work);
            } catch (RuntimeException | Error e) {
                steps.threw(e);
            }
            task = next;
        }
        steps.take(dispatcher::takeSlices);
        steps.end();
    }

    /** Notes that something has changed in a partition since the last tick. */
    public void touch(PartitionWork work) {
        partitions.touch(work);
    }

    /** The partitions in which something has changed since {@link #settled}. */
    List<PartitionWork> touched() {
        return partitions.touched();
    }

    /** Forgets which partitions have changed. */
    public void settled() {
        partitions.settled();
    }

    /** Takes in what a poll failed with, or that it did not fail: if the loop ends by it, that is why. */
    void pollFailed(@Nullable Throwable cause) {
        if (cause != null) {
            run.failure.failedBy(cause);
        } else if (pollFailure != null) {
            run.failure.hasRecoveredFrom(pollFailure);
        }
        pollFailure = cause;
    }

    /**
     * Ends the work of partitions: what waits is dropped, what runs is waited for. The partitions stay known until
     * {@link #remove}, so that their frontiers can still be committed.
     *
     * @param deadline until when to wait, on the run's clock
     * @return those in which something still runs
     * @throws RuntimeException or an {@code Error}, if something did meanwhile; the drain is over all the same
     */
    public List<PartitionWork> drain(Collection<PartitionWork> leaving, long deadline) {
        AllSteps steps = new AllSteps();
        leaving.forEach(work -> steps.take(() -> dropQueued(work)));
        boolean interrupted = false;
        boolean late = false;
        link.beginDrain();
        try {
            while (!late && isRunning(leaving)) {
                link.calls.run(); // what runs may wait for them
                steps.take(this::takeCompletions); // the partitions that stay go on meanwhile
                run.workers.nudge();
                long left = deadline - run.nanoTime.getAsLong();
                if (left <= 0) {
                    late = true;
                    continue;
                }
                // A completion between the look above and this line has unparked this thread: the park returns at once.
                boolean looksAgain = dispatcher.hasSlices() || run.workers.hasBacklog();
                LockSupport.parkNanos(this, looksAgain ? Math.min(left, Dispatcher.LONGEST_IN_SLICE) : left);
                interrupted |= Thread.interrupted();
            }
        } finally {
            link.endDrain();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        // Looked at before the mailbox: what is not running any more by now is in it, or was taken in when its slice
        // was broken up. Only once it is late: a worker that takes a dropped record counts as running for a moment.
        List<PartitionWork> running = late
                ? leaving.stream().filter(work -> work.inFlight.running() > 0).toList()
                : List.of();
        steps.take(this::takeCompletions);
        steps.end();
        return running;
    }

    private static boolean isRunning(Collection<PartitionWork> leaving) {
        for (PartitionWork work : leaving) {
            if (work.inFlight.running() > 0) {
                return true;
            }
        }
        return false;
    }

    private void dropQueued(PartitionWork work) {
        AllSteps steps = new AllSteps();
        steps.take(() -> work.lanes.breakUpSlices(run.nanoTime.getAsLong()));
        work.lanes.forgetHanging();
        if (side.overload != null) {
            side.overload.remove(work);
        }
        int dropped = work.inFlight.close();
        if (dropped > 0) {
            run.limit.release(dropped);
        }
        steps.take(() -> dispatcher.endWaits(work));
        run.room.bytes.removeAll(work);
        run.room.wakeIfRoom();
        steps.end();
    }

    /**
     * Forgets partitions. Nothing that comes back for them later changes anything.
     *
     * @throws RuntimeException or an {@code Error}, if something did meanwhile; all are forgotten all the same
     */
    public void remove(Collection<PartitionWork> leaving) {
        AllSteps steps = new AllSteps();
        for (PartitionWork work : leaving) {
            steps.take(() -> dropQueued(work));
            work.gone = true;
            steps.take(work::giveUpUnacknowledged);
            steps.take(work::endWaits); // what has failed late, and waited for a worker until now
            if (partitions.remove(work)) {
                run.partitions.decrementAndGet();
            }
            dispatcher.forget(work);
        }
        steps.end();
    }

    /** Ends it all: nothing is reserved or waited for any more. */
    public void close() {
        link.calls.close();
        AllSteps steps = new AllSteps();
        steps.take(() -> remove(List.copyOf(works())));
        room.close();
        run.room.remove(link);
        side.remove(partitions);
        long[] ended = new long[TimeShares.KINDS];
        link.times.addTotals(ended, run.nanoTime.getAsLong());
        run.metrics.consumerEnded(ended);
        run.room.wakeWaiting();
        steps.end();
    }
}
