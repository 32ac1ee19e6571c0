package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.ListenerOverflow;
import io.github.kafkabackpressure.Ordering;
import io.github.kafkabackpressure.buffer.WaitingLanes;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Sorts what a poll has brought where an {@link Overload} answers: what is shed above the soft limit, what gets a place,
 * what is dropped for what. The rest waits without a place.
 *
 * <p>Threading: the consumer's thread.
 */
final class Sorter {

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

    private final OverloadOptions options;

    private final Priorities priorities;

    Sorter(ListenerRun run, Overload overload) {
        this.run = run;
        this.overload = overload;
        this.options = overload.options;
        this.priorities = new Priorities(options);
    }

    /** The lanes of a partition in the room. */
    static WaitingLanes lanes(Ordering ordering) {
        return new WaitingLanes(
                switch (ordering) {
                    case PARTITION -> WaitingLanes.Order.ALL;
                    case KEY -> WaitingLanes.Order.BY_KEY;
                    case UNORDERED -> WaitingLanes.Order.NONE;
                });
    }

    /** Sorts the records of a partition. */
    void sort(PartitionWork work, List<? extends ConsumerRecord<?, ?>> polled, long now) {
        for (ConsumerRecord<?, ?> record : polled) {
            sort(work, record, now);
        }
    }

    /** Lets workers start what has been sorted. */
    void finish() {
        overload.admit();
        overload.submitTickets();
        overload.setTimer();
    }

    private void sort(PartitionWork work, ConsumerRecord<?, ?> record, long now) {
        if (work.isRemembered(record)) {
            work.tracker.finish(work.tracker.register(record.offset()));
            run.metrics.remembered(1);
            return;
        }
        long number = work.tracker.register(record.offset());
        int priority = priorities.of(record);
        boolean shed = options.sheds(run.limit.inFlight(), priority);
        boolean keepsNone = !shed
                && options.overflow() == ListenerOverflow.DROP_NEWEST
                && !overload.sendsDropped()
                && run.limit.isFull();
        if (keepsNone || (shed && !overload.sendsDropped())) {
            // Nobody will ever see it: no more is made of it.
            overload.count(shed ? DropReason.SOFT_LIMIT : DropReason.MAX_IN_FLIGHT);
            work.tracker.finish(number);
            return;
        }
        WireHeader wire = overload.sendsDropped() ? WireHeader.take(record.headers()) : null;
        WaitingTask task = new WaitingTask(
                record, work, number, now, overload, priority, (int) Math.min(1 << 30, ListenerRun.bytes(record)));
        task.waiting.wire = wire;
        if (shed) {
            overload.drop(task.waiting, DropReason.SOFT_LIMIT);
            return;
        }
        overload.rates().prepare(task.waiting);
        Place place = run.limit.tryTake(1) ? Place.TAKEN : makeRoom(task.waiting, now);
        if (place == Place.NONE) {
            overload.drop(task.waiting, DropReason.MAX_IN_FLIGHT);
        } else {
            put(task, place == Place.TAKEN, now);
        }
    }

    private Place makeRoom(QueuedRecord record, long now) {
        if (!options.overflow().dropsWhenFull()) {
            return Place.TO_COME;
        }
        while (true) {
            QueuedRecord victim = overload.room().takeVictim(record, now);
            if (victim == null) {
                return Place.NONE;
            }
            overload.drop(victim, DropReason.MAX_IN_FLIGHT);
            if (overload.sendsDropped()) {
                return Place.TO_COME; // the victim's, when it has been written
            }
            if (run.limit.tryTake(1)) {
                return Place.TAKEN;
            }
        }
    }

    private void put(WaitingTask task, boolean placed, long now) {
        if (placed) {
            Overload.count(task.waiting);
        }
        // By a hash, as no method can change that; keys that share one are handled one after the other.
        Integer laneKey = run.options.ordering() == Ordering.KEY ? RecordTask.hashOfKey(task.record) : 0;
        WaitingLanes lanes = Objects.requireNonNull(task.partition.queues);
        Object key = options.overflow() == ListenerOverflow.CONFLATE ? conflationKey(task.record.key()) : null;
        if (key == null) {
            overload.room().put(task.waiting, lanes, laneKey, placed, now);
            return;
        }
        QueuedRecord older = overload.room().putNewest(task.waiting, lanes, laneKey, key, placed, now);
        if (older != null) {
            overload.drop(older, DropReason.NEWER_RECORD);
            overload.admit();
        }
    }

    /** What records have to have in common for the newer to take the place of the older; null for no key. */
    private static @Nullable Object conflationKey(@Nullable Object key) {
        return key instanceof byte[] bytes ? ByteBuffer.wrap(bytes) : key;
    }
}
