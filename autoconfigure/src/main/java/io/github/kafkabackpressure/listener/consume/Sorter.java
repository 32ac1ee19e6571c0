package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.buffer.WaitingLanes;
import io.github.kafkabackpressure.listener.overload.GatedSlice;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.overload.OverloadSettings;
import io.github.kafkabackpressure.listener.overload.QueuedRecord;
import io.github.kafkabackpressure.listener.overload.SliceGate;
import io.github.kafkabackpressure.listener.overload.WireHeader;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Sorts what a poll has brought where an {@link Overload} answers: what is shed above the soft limit, what gets a place,
 * what is dropped for what. The rest waits without a place.
 *
 * <p>Threading: the consumer's thread.
 */
final class Sorter {

    /** So many records are put into the room in one hold of its lock, which workers wait for. */
    private static final int TOGETHER = 32;

    /** Where a polled record has got. */
    private enum Place {

        /** It is within the limit. */
        TAKEN,

        /** It has to wait for one. */
        TO_COME,

        /** There is none for it: it has been dropped. */
        NONE
    }

    private final ListenerRun run;

    private final Overload overload;

    private final OverloadSettings settings;

    /** Polled records that have got their places and are to be put into the room together. */
    private final List<QueuedRecord> placed = new ArrayList<>(TOGETHER);

    private final List<QueuedRecord> victims = new ArrayList<>(TOGETHER);

    private final ConflationKeys conflationKeys = new ConflationKeys();

    /** Whether each polled record gets a place, and the oldest that wait are dropped for them. */
    private final boolean takesOldest;

    Sorter(ListenerRun run, Overload overload) {
        this.run = run;
        this.overload = overload;
        this.settings = overload.settings;
        this.takesOldest = settings.overflow() == ListenerOverflow.DROP_OLDEST
                && settings.softLimit() == 0
                && !overload.sendsDropped();
    }

    /** Whether the rate lets records of a partition begin in slices, which it may have been changed to since they were made. */
    boolean takesSlice(PartitionWork work) {
        return overload.slices != null && overload.slices.groupOf(work) != null;
    }

    /**
     * Makes a slice of the polled records of a partition, if nothing is to be decided about any of them but when the rate
     * lets them start, and nothing waits that came before. They have got their places then.
     *
     * @param numbers gives the records their numbers, and returns the first
     * @return null if each has to be sorted
     */
    @Nullable GatedSlice slice(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled, long now, LongSupplier numbers) {
        SliceGate gate = overload.slices;
        WaitingLanes lanes = Objects.requireNonNull(work.queues);
        Object group = gate == null ? null : gate.groupOf(work);
        if (gate == null
                || group == null
                || work.tracker.remembers()
                || !overload.room().isFree(lanes)) {
            return null;
        }
        for (ConsumerRecord<?, ?> record : polled) {
            if (settings.priorities().applyAsInt(record) != settings.defaultPriority()) {
                return null;
            }
        }
        if (!run.limit.tryTake(polled.size())) {
            return null;
        }
        work.inFlight.add(polled.size());
        run.room.bytes.addAll(work, polled);
        return gate.slice(polled, work, numbers.getAsLong(), lanes, group, now);
    }

    /** Puts a record into the room that has left its slice. */
    void putBack(PartitionWork work, QueuedRecord queued, long now) {
        overload.room().put(queued, Objects.requireNonNull(work.queues), queued.laneKey(), true, now);
    }

    /** Sorts the records of a partition. */
    void sort(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled, long now) {
        try {
            int left = polled.size();
            for (ConsumerRecord<?, ?> record : polled) {
                sort(work, record, --left, now);
                if (placed.size() >= together()) {
                    putPlaced(work, now);
                }
            }
        } finally {
            putPlaced(work, now);
        }
    }

    /** With a small limit one by one: what has its place here is nothing that another consumer could drop. */
    private int together() {
        return (int) Math.max(1, Math.min(TOGETHER, run.limit.limit() / 8));
    }

    private void putPlaced(PartitionWork work, long now) {
        if (!placed.isEmpty()) {
            try {
                overload.room().putAll(placed, Objects.requireNonNull(work.queues), QueuedRecord::laneKey, true, now);
            } finally {
                placed.clear(); // whatever is thrown, none comes in twice
            }
        }
    }

    /** Lets workers start what has been sorted. */
    void finish() {
        overload.admit();
        overload.submitTickets();
        overload.setTimer();
    }

    private void sort(PartitionWork work, ConsumerRecord<?, ?> record, int comeWithIt, long now) {
        if (work.isRemembered(record)) {
            work.tracker.finish(work.tracker.register(record.offset()));
            run.metrics.remembered(1);
            return;
        }
        long number = work.tracker.register(record.offset());
        int priority = settings.priorities().applyAsInt(record);
        boolean shed = settings.sheds(run.limit.inFlight(), priority);
        boolean keepsNone = !shed
                && settings.overflow() == ListenerOverflow.DROP_NEWEST
                && !overload.sendsDropped()
                && run.limit.isFull();
        if (keepsNone || (shed && !overload.sendsDropped())) {
            // Nobody will ever see it: no more is made of it.
            overload.count(shed ? DropReason.SOFT_LIMIT : DropReason.MAX_IN_FLIGHT);
            work.tracker.finish(number);
            return;
        }
        WireHeader wire = overload.sendsDropped() ? WireHeader.take(record.headers()) : null;
        QueuedRecord queued = new QueuedRecord(record, work, number, now, overload, priority);
        queued.wire = wire;
        if (shed) {
            overload.drop(queued, DropReason.SOFT_LIMIT);
            return;
        }
        overload.rates().prepare(queued);
        Place place = run.limit.tryTake(1) ? Place.TAKEN : makeRoom(work, queued, comeWithIt, now);
        if (place == Place.NONE) {
            overload.drop(queued, DropReason.MAX_IN_FLIGHT);
        } else {
            put(work, queued, place == Place.TAKEN, now);
        }
    }

    /** Makes room for a record that comes, and if it makes no difference for so many that come with it. */
    private Place makeRoom(PartitionWork work, QueuedRecord record, int comeWithIt, long now) {
        if (!settings.overflow().dropsWhenFull()) {
            return Place.TO_COME;
        }
        putPlaced(work, now); // each of them may be a victim
        int most = takesOldest && !work.tracker.remembers() ? Math.min(1 + comeWithIt, together()) : 1;
        while (true) {
            overload.room().takeVictims(record, most, victims, now);
            if (victims.isEmpty()) {
                return Place.NONE;
            }
            try {
                victims.forEach(victim -> overload.drop(victim, DropReason.MAX_IN_FLIGHT));
            } finally {
                victims.clear(); // whatever is thrown, none is dropped twice
            }
            if (overload.sendsDropped()) {
                return Place.TO_COME; // the victim's, when it has been written
            }
            if (run.limit.tryTake(1)) {
                return Place.TAKEN;
            }
        }
    }

    private void put(PartitionWork work, QueuedRecord queued, boolean hasPlace, long now) {
        if (hasPlace) {
            overload.countIn(queued);
        }
        // A key's hash is foreign code, which the room's lock must not wait for.
        Integer lane = run.settings.ordering() == Ordering.KEY ? queued.laneKey() : Integer.valueOf(0);
        queued.laneKey = lane;
        Object key = settings.overflow() == ListenerOverflow.CONFLATE
                ? conflationKeys.of(queued.record().key())
                : null;
        if (key == null && hasPlace) {
            placed.add(queued);
            return;
        }
        putPlaced(work, now); // they came before
        WaitingLanes lanes = Objects.requireNonNull(work.queues);
        if (key == null) {
            overload.room().put(queued, lanes, lane, false, now);
            return;
        }
        QueuedRecord older = overload.room().putNewest(queued, lanes, lane, key, hasPlace, now);
        if (older != null) {
            overload.drop(older, DropReason.NEWER_RECORD);
            overload.admit();
        }
    }
}
