package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.flow.TimeShares;
import io.github.kafkabackpressure.flow.WakeupGate;
import io.github.kafkabackpressure.progress.CompletionMailbox;
import io.github.kafkabackpressure.progress.LaneTask;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The partitions of one consumer and the work in them: takes in what has been polled and what has been finished, wakes
 * the consumer where that matters to it, and ends the work of partitions that go away.
 *
 * <p>Threading: the consumer's thread, but for {@link #mailbox} and the methods that say so. Anyone may read the
 * partitions for a snapshot.
 */
final class Assignment {

    /** How long the answer to which partitions a topic has holds. */
    private static final long PARTITIONS_KNOWN_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** The partitions of a topic, and when the broker was asked for them. */
    private record PartitionsOfTopic(List<PartitionInfo> partitions, long askedAt) {}

    final ListenerRun run;

    final CompletionMailbox mailbox = new CompletionMailbox();

    final WakeupGate gate;

    /** What workers need the consumer's thread for. */
    final ConsumerCalls calls;

    final Dispatcher dispatcher;

    /** What the consumer's time goes into. */
    final TimeShares times;

    /** What commits say besides their offsets; set before the consumer polls. */
    CommitContent content = CommitContent.plain(OffsetAndMetadata::new);

    private final Consumer<?, ?> consumer;

    private final Map<TopicPartition, PartitionWork> works = new ConcurrentHashMap<>();

    private final Map<String, PartitionsOfTopic> partitionsOfTopics = new ConcurrentHashMap<>();

    /** The partitions in which something has changed since the last tick. */
    private final List<PartitionWork> touched = new ArrayList<>();

    /** Whether room for one poll is reserved within {@code max-in-flight}. */
    boolean reserved;

    /** How much room that is, in records. */
    int reservedSize;

    /** Whether the consumer waits for room; a worker that makes some wakes it. */
    volatile boolean waitsForRoom;

    /** Whether a worker that finishes the last record of a partition wakes the consumer, to commit at once. */
    volatile boolean wakeWhenDrained;

    /** What spring-kafka calls the consumer's own container, in its meters and observations. */
    private volatile String name = "";

    private volatile @Nullable String clientId;

    /** The group as the consumer is a member of it now, where transactions of workers commit offsets. */
    volatile @Nullable ConsumerGroupMetadata groupMetadata;

    private volatile @Nullable Thread drainWaiter;

    /** The consumer's thread while it waits for room outside of a poll. */
    private volatile @Nullable Thread roomWaiter;

    private volatile @Nullable Error failure;

    /** What the last poll failed with; the consumer's thread only. */
    private @Nullable Throwable pollFailure;

    /**
     * Whether somebody has asked something of the loop around the consumer, such as a seek. The loop looks at that before
     * it polls, so a tick answers the gate's signal too late.
     */
    private volatile boolean loopIsAsked;

    Assignment(ListenerRun run, Consumer<?, ?> consumer, Runnable wakeup) {
        this.run = run;
        this.consumer = consumer;
        this.gate = new WakeupGate(wakeup);
        this.calls = new ConsumerCalls(() -> {
            gate.signal();
            unparkDrain();
        });
        this.dispatcher = new Dispatcher(this);
        this.times = new TimeShares(run.nanoTime.getAsLong());
        run.add(this);
    }

    /** The consumer as the user's code gets it. Called by workers. */
    Consumer<?, ?> consumer() {
        return consumer;
    }

    @Nullable PartitionWork work(TopicPartition partition) {
        return works.get(partition);
    }

    /** Sets by which names the consumer is known; before it polls. */
    void setNames(String name, @Nullable String clientId) {
        this.name = name;
        this.clientId = clientId;
    }

    /** What spring-kafka calls the consumer's own container. Called by workers. */
    String name() {
        return name;
    }

    /** Kafka's name of the consumer. Called by workers. */
    @Nullable String clientId() {
        return clientId;
    }

    /** The names of the partitions assigned now. Called by anyone. */
    Set<TopicPartition> partitions() {
        return Set.copyOf(works.keySet());
    }

    /**
     * The partitions of a topic, for a worker. The answer is kept for a while: the dead-letter topic of many failing
     * records is asked for once for each of them.
     */
    List<PartitionInfo> partitionsFor(String topic, Duration timeout) {
        PartitionsOfTopic known = partitionsOfTopics.get(topic);
        long now = run.nanoTime.getAsLong();
        if (known == null || now - known.askedAt() > PARTITIONS_KNOWN_NANOS) {
            List<PartitionInfo> partitions = consumer.partitionsFor(topic, timeout);
            if (partitions.isEmpty()) {
                partitionsOfTopics.remove(topic); // it does not exist yet, which the next one to ask must not be told
                return partitions;
            }
            known = new PartitionsOfTopic(partitions, now);
            partitionsOfTopics.put(topic, known);
        }
        return known.partitions();
    }

    /** The partitions assigned now. Called by anyone. */
    Collection<PartitionWork> works() {
        return works.values();
    }

    /** Starts the work of partitions that are newly assigned. */
    List<PartitionWork> assigned(Collection<TopicPartition> partitions) {
        List<PartitionWork> added = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            if (!works.containsKey(partition)) {
                PartitionWork work = new PartitionWork(partition, this, run.options.ordering());
                works.put(partition, work);
                run.partitions.incrementAndGet();
                added.add(work);
            }
        }
        if (run.overload != null) {
            run.overload.assigned(added, topic -> consumer.partitionsFor(topic).size());
        }
        return added;
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
        dispatcher.rewind(work, offset);
        endWaits(work);
        work.giveUpUnacknowledged();
        touch(work); // it may be paused for what was in flight before
        return true;
    }

    /** Gives back what room is reserved. */
    void giveBackReserved() {
        if (reserved) {
            reserved = false;
            run.limit.settle(reservedSize, 0);
        }
    }

    /** How many records a poll may bring, now that it is over: the limit may have been lowered since it began. */
    int allowed() {
        if (run.overload != null) {
            return Integer.MAX_VALUE; // what finds no place is dropped, or waits for one there
        }
        return reserved ? (int) Math.max(0, reservedSize - run.limit.excess()) : 0;
    }

    /** Puts the reserved room to use and polled records on their lanes. */
    void dispatch(ConsumerRecords<?, ?> records) {
        // With an Overload each record has to get a place of its own.
        run.limit.settle(reserved ? reservedSize : 0, run.overload == null ? records.count() : 0);
        reserved = false;
        run.metrics.polled.add(records.count());
        run.wakeIfRoom(); // the poll may not have needed all of it
        dispatcher.dispatch(records);
        moveTo(records.nextOffsets());
    }

    /** Takes in where the consumer stands, which is past the last record where holes in the offsets follow. */
    void moveTo(Map<TopicPartition, OffsetAndMetadata> nextOffsets) {
        nextOffsets.forEach((partition, next) -> {
            PartitionWork work = works.get(partition);
            if (work != null) {
                work.tracker.moveTo(next.offset());
                touch(work);
            }
        });
    }

    /** Takes in what workers have finished: all of it, whatever one of them throws. */
    void takeCompletions() {
        AllSteps steps = new AllSteps();
        for (LaneTask task = mailbox.takeAll(); task != null; ) {
            LaneTask next = CompletionMailbox.next(task);
            try {
                RecordTask completed = (RecordTask) task;
                completed.partition.lanes.applied(completed);
                touch(completed.partition);
            } catch (RuntimeException | Error e) {
                steps.threw(e);
            }
            task = next;
        }
        steps.take(dispatcher::takeSlices);
        steps.end();
    }

    /** Notes that something has changed in a partition since the last tick. */
    void touch(PartitionWork work) {
        if (!work.touched && works.get(work.partition) == work) {
            work.touched = true;
            touched.add(work);
        }
    }

    /** The partitions in which something has changed since {@link #settled}. */
    List<PartitionWork> touched() {
        return touched;
    }

    /** Forgets which partitions have changed. */
    void settled() {
        for (PartitionWork work : touched) {
            work.touched = false;
        }
        touched.clear();
    }

    /** Makes the loop look at what was asked of it, before it polls again for longer than a moment. Called by anyone. */
    void wakeLoop() {
        loopIsAsked = true; // first: the signal may be answered by a tick that begins between the two
        gate.signal();
    }

    /** Whether {@link #wakeLoop} was called since this was last asked, which is to be after the gate's tick has begun. */
    boolean takeLoopIsAsked() {
        boolean asked = loopIsAsked;
        if (asked) {
            loopIsAsked = false;
        }
        return asked;
    }

    /** Wakes the consumer if what a worker has just done matters to it. Called by workers. */
    void wakeIfWanted(PartitionWork partition, int left) {
        if (left <= partition.wakeAt || (left == 0 && wakeWhenDrained)) {
            gate.signal();
        }
        unparkDrain();
    }

    /** Makes the consumer hand out the rest of a slice that a worker has broken up. Called by workers. */
    void wakeToHandOut() {
        gate.signal();
        unparkDrain();
    }

    /** Takes back a record that a worker did not start because its partition is gone. Called by workers. */
    void dropped(RecordTask task) {
        mailbox.put(task);
        unparkDrain();
    }

    private void unparkDrain() {
        Thread waiter = drainWaiter;
        if (waiter != null) {
            LockSupport.unpark(waiter);
        }
    }

    /** Waits outside of a poll until there is room for one, while {@link #waitsForRoom}. */
    void awaitRoom(long longestNanos) {
        roomWaiter = Thread.currentThread();
        try {
            long deadline = run.nanoTime.getAsLong() + longestNanos;
            while (!run.limit.hasRoomFor(run.pollSize)) {
                long left = deadline - run.nanoTime.getAsLong();
                if (left <= 0) {
                    return;
                }
                // Room that came between the look above and this line has unparked this thread.
                LockSupport.parkNanos(this, left);
                if (Thread.currentThread().isInterrupted()) {
                    return; // it would not park any more
                }
            }
        } finally {
            roomWaiter = null;
        }
    }

    /** Wakes the consumer if it waits for room. Called by workers. */
    void wakeIfWaiting() {
        if (waitsForRoom) {
            Thread waiter = roomWaiter;
            if (waiter != null) {
                LockSupport.unpark(waiter);
            } else {
                gate.signal();
            }
        }
    }

    /** Ends the consumer's loop by an error that no handler may see. Called by workers. */
    void fail(Throwable cause) {
        Error error = cause instanceof Error own ? own : new Error("a worker failed outside of the listener", cause);
        failure = error;
        run.failedBy(error);
        gate.signal();
        unparkDrain();
    }

    /** Takes in what a poll failed with, or that it did not fail: if the loop ends by it, that is why. */
    void pollFailed(@Nullable Throwable cause) {
        if (cause != null) {
            run.failedBy(cause);
        } else if (pollFailure != null) {
            run.hasRecoveredFrom(pollFailure);
        }
        pollFailure = cause;
    }

    /** Throws what {@link #fail} was given, if anything. */
    void throwFailure() {
        Error error = failure;
        if (error != null) {
            throw error;
        }
    }

    /**
     * Ends the work of partitions: what waits is dropped, what runs is waited for. The partitions stay known until
     * {@link #remove}, so that their frontiers can still be committed.
     *
     * @param deadline until when to wait, on the run's clock
     * @return those in which something still runs
     * @throws RuntimeException or an {@code Error}, if something did meanwhile; the drain is over all the same
     */
    List<PartitionWork> drain(Collection<PartitionWork> leaving, long deadline) {
        AllSteps steps = new AllSteps();
        leaving.forEach(work -> steps.take(() -> dropQueued(work)));
        boolean interrupted = false;
        boolean late = false;
        drainWaiter = Thread.currentThread();
        try {
            while (!late && isRunning(leaving)) {
                calls.run(); // what runs may wait for them
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
            drainWaiter = null;
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
        if (run.overload != null) {
            run.overload.remove(work);
        }
        int dropped = work.inFlight.close();
        if (dropped > 0) {
            run.limit.release(dropped);
        }
        steps.take(() -> endWaits(work));
        if (run.byteMarks != null) {
            run.bytesInFlight.addAndGet(-work.closeBytes());
        }
        run.wakeIfRoom();
        steps.end();
    }

    /** Ends the waits of records with which there is nothing to go on: for a next attempt, or for a slot to make it. */
    private void endWaits(PartitionWork work) {
        work.endWaits();
        run.workers.lookAgain();
    }

    /**
     * Forgets partitions. Nothing that comes back for them later changes anything.
     *
     * @throws RuntimeException or an {@code Error}, if something did meanwhile; all are forgotten all the same
     */
    void remove(Collection<PartitionWork> leaving) {
        AllSteps steps = new AllSteps();
        for (PartitionWork work : leaving) {
            steps.take(() -> dropQueued(work));
            work.gone = true;
            steps.take(work::giveUpUnacknowledged);
            steps.take(work::endWaits); // what has failed late, and waited for a worker until now
            if (works.remove(work.partition, work)) {
                run.partitions.decrementAndGet();
            }
            touched.remove(work);
            dispatcher.forget(work);
        }
        steps.end();
    }

    /** Ends it all: nothing is reserved or waited for any more. */
    void close() {
        calls.close();
        AllSteps steps = new AllSteps();
        steps.take(() -> remove(List.copyOf(works.values())));
        giveBackReserved();
        if (waitsForRoom) {
            waitsForRoom = false;
            run.limit.stopWaiting(this);
        }
        run.remove(this);
        long[] ended = new long[TimeShares.KINDS];
        times.addTotals(ended, run.nanoTime.getAsLong());
        run.metrics.consumerEnded(ended);
        run.wakeWaiting();
        steps.end();
    }
}
