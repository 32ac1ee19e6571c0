package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.buffer.StartGate;
import io.github.kafkabackpressure.buffer.WaitingRoom;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How a run of a listener answers overload by more than a pause: its records wait in a {@link WaitingRoom} in place of
 * lanes, from where they are started by priority and rate, or dropped. There is one only if some of that is asked for.
 *
 * <p>A place within {@code max-in-flight} is taken record by record. A polled record for which there is none waits
 * without a place, and the consumer polls no more before all have one: so beside what is in flight there is never more
 * than one poll for each consumer.
 *
 * <p>Threading: any thread, but for what says otherwise.
 */
final class Overload {

    /** A record gains one priority for so long that its turn in its lane has come. */
    static final long AGING_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Runs what is due on the JDK's timer thread; it must be quick. */
    private static final Executor ON_TIMER = Runnable::run;

    private final ListenerRun run;

    final OverloadOptions options;

    private final WaitingRoom<QueuedRecord> room;

    private final RecordRates rates;

    private final DropCounts counts;

    /** Where dropped records go; null if nowhere. */
    private final @Nullable DroppedSender sender;

    /** Records without a place that are on their way to {@code dropped-to}. */
    private final AtomicInteger leavingWithoutPlace = new AtomicInteger();

    private final RecordRates.Waiters waiters;

    private final Map<String, Integer> partitionsOfTopics = new ConcurrentHashMap<>();

    private final Object timer = new Object();

    private boolean timerIsSet;

    private long timerAt;

    /** Makes the answers of a run. */
    interface Factory {

        /** Null if all of it is off. */
        @Nullable Overload create(ListenerRun run);
    }

    /**
     * Makes the answers of a run.
     *
     * @param target where dropped records go; null if nowhere
     * @param executor runs what writes them, which may block
     */
    Overload(
            ListenerRun run,
            OverloadOptions options,
            RecordRates rates,
            DropCounts counts,
            DroppedSender.@Nullable Target target,
            Executor executor) {
        this.run = run;
        this.options = options;
        this.rates = rates;
        this.counts = counts;
        this.sender = target == null ? null : new DroppedSender(this, target, executor);
        this.room = new WaitingRoom<>(
                victims(options), new SplittableRandom(), new Gate(), AGING_NANOS, run.options.maxConcurrency());
        this.waiters = new RecordRates.Waiters() {

            @Override
            public void answered(Object group) {
                released(now -> room.release(group, now));
            }

            @Override
            public void changed() {
                released(room::releaseOneOfEach);
            }
        };
        rates.tell(waiters);
    }

    /** Takes in that the run is over. */
    void close() {
        rates.forget(waiters);
    }

    /** The rate limits; what is too old to be handled needs no token. */
    private final class Gate implements StartGate<QueuedRecord> {

        @Override
        public @Nullable Object groupOf(QueuedRecord record) {
            return isTooOld(record) ? null : rates.groupOf(record);
        }

        @Override
        public long tryPass(QueuedRecord record, Object group, long now) {
            return rates.tryPass(record, group, now);
        }
    }

    private static Overflow victims(OverloadOptions options) {
        return switch (options.overflow()) {
            case PAUSE, CONFLATE -> Overflow.BLOCK;
            case DROP_NEWEST -> Overflow.DROP_NEWEST;
            case DROP_OLDEST -> Overflow.DROP_OLDEST;
            case DROP_RANDOM -> Overflow.DROP_RANDOM;
            case DROP_LOWEST_PRIORITY -> Overflow.DROP_LOWEST_PRIORITY;
        };
    }

    WaitingRoom<QueuedRecord> room() {
        return room;
    }

    RecordRates rates() {
        return rates;
    }

    boolean sendsDropped() {
        return sender != null;
    }

    /** Whether the consumer polls on while everything is full. */
    boolean pollsWhileFull() {
        return options.pollsWhileFull();
    }

    /** Whether polled records are left for which there is no place yet, or dropped ones that cannot be written. */
    boolean hasUnsorted() {
        return room.hasUnadmitted() || leavingWithoutPlace.get() > 0 || (sender != null && sender.isFailing());
    }

    /** Lets the consumers look whether they may go on. Called by any thread. */
    void wakeConsumers() {
        run.wakeWaiting();
    }

    /** Takes the record that is to be started now; null if there is none. Called by workers, once for a ticket. */
    @Nullable RecordTask take(long now) {
        QueuedRecord taken = room.take(now);
        while (taken != null && isTooOld(taken)) {
            drop(taken, DropReason.MAX_AGE);
            room.leave(taken, now);
            taken = room.take(now);
        }
        submitTickets();
        setTimer();
        return taken == null ? null : taken.task;
    }

    /** Starts the record behind a started one in its lane; null if there is none that may. Called by workers. */
    @Nullable WaitingTask takeBehind(WaitingTask task) {
        long now = run.nanoTime.getAsLong();
        QueuedRecord taken = room.takeBehind(task.waiting, now);
        while (taken != null && isTooOld(taken)) {
            drop(taken, DropReason.MAX_AGE);
            room.leave(taken, now);
            taken = room.takeBehind(task.waiting, now);
        }
        return taken == null ? null : taken.task;
    }

    boolean isTooOld(QueuedRecord record) {
        return options.isTooOld(record.record().timestamp(), System.currentTimeMillis());
    }

    /** Ends a record's turn in its lane. Called by workers. */
    @Nullable LaneTask endTurn(WaitingTask task) {
        room.leave(task.waiting, run.nanoTime.getAsLong());
        admit();
        submitTickets();
        return null; // what may run by that is not of the lane only
    }

    /** Drops a record that has been taken out of the room, and has not been handled. */
    void drop(QueuedRecord record, DropReason reason) {
        WaitingTask task = record.task;
        if (record.isAdmitted() && (task.isDropped() || !task.partition.inFlight.start())) {
            run.drop(task); // it comes again, here or elsewhere
            return;
        }
        if (sender == null) {
            counts.count(reason);
            finishDropped(record);
            return;
        }
        if (!record.isAdmitted()) {
            leavingWithoutPlace.incrementAndGet();
        }
        sender.send(record, reason);
    }

    /** Counts a record as dropped that has not got as far as to be a task. */
    void count(DropReason reason) {
        counts.count(reason);
    }

    /** Takes in that a dropped record is where dropped records go. Called by any thread. */
    void sent(QueuedRecord record, DropReason reason) {
        counts.count(reason);
        finishDropped(record);
        if (!record.isAdmitted()) {
            leftWithoutPlace();
        }
    }

    /** Takes in that a dropped record was not sent, as its partition is gone. Called by any thread. */
    void notSent(QueuedRecord record) {
        if (record.isAdmitted()) {
            run.abandoned(record.task, run.nanoTime.getAsLong());
            admit();
        } else {
            leftWithoutPlace();
        }
    }

    private void leftWithoutPlace() {
        if (leavingWithoutPlace.decrementAndGet() == 0) {
            run.wakeWaiting();
        }
    }

    private void finishDropped(QueuedRecord record) {
        WaitingTask task = record.task;
        if (!record.isAdmitted()) {
            task.handled = !task.isOver();
            task.partition.owner.dropped(task);
            return;
        }
        if (task.isOver()) {
            run.abandoned(task, run.nanoTime.getAsLong());
        } else {
            run.dropped(task);
        }
        if (sender != null) {
            admit();
        }
    }

    /** Gives places to those that wait for one, as long as there are some. */
    void admit() {
        if (!room.hasUnadmitted()) {
            return;
        }
        long now = run.nanoTime.getAsLong();
        while (room.hasUnadmitted() && run.limit.tryTake(1)) {
            if (room.admitNext(Overload::count, now) == null) {
                run.limit.release(1);
            }
        }
        submitTickets();
        if (!room.hasUnadmitted()) {
            run.wakeWaiting();
        }
    }

    /** Counts a record in that has got a place, before anybody can start it. */
    static void count(QueuedRecord record) {
        PartitionWork work = record.task.partition;
        work.inFlight.add(1);
        work.owner.run.addBytes(work, record.record());
    }

    /** Takes in which partitions are this instance's, where its share of a common rate matters. The consumer's thread. */
    void assigned(Collection<PartitionWork> added, PartitionCounts partitionsOf) {
        if (!rates.needsShare()) {
            return;
        }
        for (PartitionWork work : added) {
            String topic = work.partition.topic();
            partitionsOfTopics.computeIfAbsent(topic, partitionsOf::count);
        }
        long all = partitionsOfTopics.values().stream()
                .mapToLong(Integer::longValue)
                .sum();
        rates.setShare(() -> all == 0 ? 1 : Math.min(1, run.partitions.get() / (double) all));
    }

    /** Says how many partitions a topic has. */
    interface PartitionCounts {
        int count(String topic);
    }

    /** Drops what waits of a partition that goes away: its next owner gets it. The consumer's thread. */
    void remove(PartitionWork work) {
        room.removeIf(record -> record.task.partition == work, run.nanoTime.getAsLong());
        if (sender != null) {
            sender.forget(work);
        }
        setTimer();
        if (!hasUnsorted()) {
            run.wakeWaiting();
        }
    }

    /** Drops what waits of a partition and comes again after a seek. The consumer's thread. */
    void rewind(PartitionWork work) {
        List<QueuedRecord> removed = room.removeIf(
                record -> record.task.partition == work && record.task.isDropped(), run.nanoTime.getAsLong());
        for (QueuedRecord record : removed) {
            if (record.isAdmitted()) {
                run.leaveFlight(record.task);
            }
        }
        admit();
    }

    /** Hands the tickets out that the room wants to be out. */
    void submitTickets() {
        if (room.needsTickets()) {
            submit(room.issueTickets());
        }
    }

    private void submit(int count) {
        if (count > 0) {
            LaneTask[] tickets = new LaneTask[count];
            for (int index = 0; index < count; index++) {
                tickets[index] = new Ticket(this);
            }
            run.workers.submit(tickets);
        }
    }

    private void released(LongConsumer release) {
        release.accept(run.nanoTime.getAsLong());
        submitTickets();
        setTimer();
    }

    /** Sees to it that somebody looks when a record is due that waits for its rate. */
    void setTimer() {
        if (!room.isHeldBack()) {
            return;
        }
        long due = room.dueAt();
        synchronized (timer) {
            if (timerIsSet && timerAt - due <= 0) {
                return;
            }
            timerIsSet = true;
            timerAt = due;
        }
        long delay = Math.max(0, due - run.nanoTime.getAsLong());
        CompletableFuture.delayedExecutor(delay, TimeUnit.NANOSECONDS, ON_TIMER).execute(() -> ring(due));
    }

    private void ring(long at) {
        synchronized (timer) {
            if (timerAt == at) {
                timerIsSet = false;
            }
        }
        if (run.workers.isClosed()) {
            return;
        }
        room.releaseDue(run.nanoTime.getAsLong());
        submitTickets();
        setTimer();
    }
}
