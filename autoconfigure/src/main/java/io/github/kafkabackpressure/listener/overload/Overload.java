package io.github.kafkabackpressure.listener.overload;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.buffer.StartGate;
import io.github.kafkabackpressure.buffer.WaitingRoom;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordOrigin;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.github.kafkabackpressure.progress.LaneTask;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
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
public final class Overload implements QueuedRecord.Starter, DroppedSender.Outcome {

    /** A record gains one priority for so long that its turn in its lane has come. */
    static final long AGING_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ListenerRun run;

    public final OverloadSettings settings;

    private final WaitingRoom<QueuedRecord> room;

    private final StartRates rates;

    /** Told of each record that is dropped. */
    private final Consumer<DropReason> counts;

    /** Where dropped records go; null if nowhere. */
    private final @Nullable DroppedSender sender;

    /** Records without a place that are on their way to {@code dropped-to}. */
    private final AtomicInteger leavingWithoutPlace = new AtomicInteger();

    private final StartRates.Waiters waiters;

    private final RoomTimer timer;

    /** Lets slices through in place of single records; null if more is to be decided than when records may start. */
    public final @Nullable SliceGate slices;

    /** What this instance has of a common rate. */
    public final RateShare share;

    /**
     * Makes the answers of a run.
     *
     * @param counts told of each record that is dropped
     * @param target where dropped records go; null if nowhere
     * @param executor runs what writes them, which may block
     */
    public Overload(
            ListenerRun run,
            OverloadSettings settings,
            StartRates rates,
            Consumer<DropReason> counts,
            DroppedSender.@Nullable Target target,
            Executor executor) {
        this.run = run;
        this.settings = settings;
        this.rates = rates;
        this.counts = counts;
        this.sender = target == null ? null : new DroppedSender(this, target, executor, settings.droppedTo());
        this.room = new WaitingRoom<>(
                settings.victims(), new SplittableRandom(), new Gate(), AGING_NANOS, run.settings.maxConcurrency());
        this.timer = new RoomTimer(run.nanoTime, this::isDue);
        this.slices = settings.onlyHolds() ? new SliceGate(run, this, room, settings.defaultPriority(), rates) : null;
        this.share = new RateShare(run, rates);
        this.waiters = new StartRates.Waiters() {
            @Override
            public void answered(Object group) {
                released(now -> room.release(group, now));
            }

            @Override
            public void changed() {
                released(room::releaseOneOfEach);
                if (slices != null) {
                    slices.look();
                }
            }
        };
        rates.tell(waiters);
    }

    /** Takes in that the run is over. */
    public void close() {
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

    public WaitingRoom<QueuedRecord> room() {
        return room;
    }

    public StartRates rates() {
        return rates;
    }

    public boolean sendsDropped() {
        return sender != null;
    }

    /** Whether polled records are left for which there is no place yet, or dropped ones that cannot be written. */
    public boolean hasUnsorted() {
        return room.hasUnadmitted() || leavingWithoutPlace.get() > 0 || (sender != null && sender.isFailing());
    }

    /** Lets the consumers look whether they may go on. Called by any thread. */
    @Override
    public void wakeConsumers() {
        run.room.wakeWaiting();
    }

    /** Takes the record that is to be started now; null if there is none. Called by workers, once for a ticket. */
    @Override
    public @Nullable RecordTask take(long now) {
        QueuedRecord taken = room.take(now);
        if (taken != null && taken.leavesTicket()) {
            submit(1);
        }
        while (taken != null && isTooOld(taken)) {
            drop(taken, DropReason.MAX_AGE);
            room.leave(taken, now);
            taken = room.takeInstead(now);
        }
        submitTickets();
        setTimer();
        return taken == null ? null : taken.task;
    }

    /** Starts the record behind a started one in its lane; null if there is none that may. Called by workers. */
    @Override
    public QueuedRecord.@Nullable Task takeBehind(QueuedRecord.Task task) {
        long now = run.nanoTime.getAsLong();
        QueuedRecord taken = room.takeBehind(task.waiting, now);
        while (taken != null && isTooOld(taken)) {
            drop(taken, DropReason.MAX_AGE);
            room.leave(taken, now);
            taken = room.takeBehind(task.waiting, now);
        }
        return taken == null ? null : taken.task;
    }

    /** Takes it out of flight: it is not in the room any more, where the end of its partition, or a seek, would find it. */
    @Override
    public void notStarted(QueuedRecord.Task task) {
        run.flight.takeBack(task);
        endTurn(task);
    }

    boolean isTooOld(QueuedRecord record) {
        return settings.isTooOld(record.record().timestamp(), System.currentTimeMillis());
    }

    /** Ends a record's turn in its lane. Called by workers. */
    @Override
    public @Nullable LaneTask endTurn(QueuedRecord.Task task) {
        room.leave(task.waiting, run.nanoTime.getAsLong());
        admit();
        submitTickets();
        return null; // what may run by that is not of the lane only
    }

    /** Drops a record that has been taken out of the room, and has not been handled. */
    public void drop(QueuedRecord record, DropReason reason) {
        QueuedRecord.Task task = record.task;
        if (record.isAdmitted() && (task.isDropped() || !task.partition.inFlight.start())) {
            run.flight.takeBack(task); // it comes again, here or elsewhere
            return;
        }
        if (sender == null) {
            counts.accept(reason);
            finishDropped(record);
            return;
        }
        if (!record.isAdmitted()) {
            leavingWithoutPlace.incrementAndGet();
        }
        sender.send(record, reason);
    }

    /** Counts a record as dropped that has not got as far as to be a task. */
    public void count(DropReason reason) {
        counts.accept(reason);
    }

    /** Takes in that a dropped record is where dropped records go. Called by any thread. */
    @Override
    public void sent(QueuedRecord record, DropReason reason) {
        counts.accept(reason);
        finishDropped(record);
        if (!record.isAdmitted()) {
            leftWithoutPlace();
        }
    }

    /** Takes in that a dropped record was not sent, as its partition is gone. Called by any thread. */
    @Override
    public void notSent(QueuedRecord record) {
        if (record.isAdmitted()) {
            run.flight.abandoned(record.task, run.nanoTime.getAsLong());
            admit();
        } else {
            leftWithoutPlace();
        }
    }

    private void leftWithoutPlace() {
        if (leavingWithoutPlace.decrementAndGet() == 0) {
            run.room.wakeWaiting();
        }
    }

    private void finishDropped(QueuedRecord record) {
        QueuedRecord.Task task = record.task;
        if (!record.isAdmitted()) {
            task.handled = !task.isOver();
            task.partition.owner.takeBack(task);
            return;
        }
        if (task.isOver()) {
            run.flight.abandoned(task, run.nanoTime.getAsLong());
        } else {
            run.flight.dropped(task);
        }
        if (sender != null) {
            admit();
        }
    }

    /** Gives places to those that wait for one, as long as there are some. */
    public void admit() {
        if (!room.hasUnadmitted()) {
            return;
        }
        long now = run.nanoTime.getAsLong();
        while (room.hasUnadmitted() && run.limit.tryTake(1)) {
            if (room.admitNext(this::countIn, now) == null) {
                run.limit.release(1);
            }
        }
        submitTickets();
        if (!room.hasUnadmitted()) {
            run.room.wakeWaiting();
        }
    }

    /** Counts a record in that has got a place, before anybody can start it. */
    public void countIn(QueuedRecord record) {
        RecordOrigin origin = record.task.partition;
        origin.inFlight.add(1);
        run.room.bytes.add(origin, record.record());
    }

    /** Drops what waits of a partition that goes away: its next owner gets it. The consumer's thread. */
    public void remove(RecordOrigin work) {
        room.removeIf(record -> record.task.partition == work, run.nanoTime.getAsLong());
        if (sender != null) {
            sender.forget(work);
        }
        setTimer();
        if (!hasUnsorted()) {
            run.room.wakeWaiting();
        }
    }

    /** Drops what waits of a partition and comes again after a seek. The consumer's thread. */
    public void rewind(RecordOrigin work) {
        List<QueuedRecord> removed = room.removeIf(
                record -> record.task.partition == work && record.task.isDropped(), run.nanoTime.getAsLong());
        for (QueuedRecord record : removed) {
            if (record.isAdmitted()) {
                run.flight.leave(record.task);
            }
        }
        admit();
    }

    /** Hands the tickets out that the room wants to be out. */
    public void submitTickets() {
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
    public void setTimer() {
        if (room.isHeldBack()) {
            timer.set(room.dueAt());
        }
    }

    private void isDue() {
        if (!run.workers.isClosed()) {
            room.releaseDue(run.nanoTime.getAsLong());
            submitTickets();
            setTimer();
        }
    }
}
