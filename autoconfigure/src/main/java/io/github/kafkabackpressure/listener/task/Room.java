package io.github.kafkabackpressure.listener.task;

import io.github.kafkabackpressure.flow.InFlightLimit;
import io.github.kafkabackpressure.flow.Watermarks;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The room of a run: how many records and bytes may be in flight, who waits for some of it, and who is woken when there
 * is some. Its limits may be changed while it is in use.
 *
 * <p>Threading: the consumers' threads and the workers; one thread at a time changes it.
 */
public final class Room {

    public final InFlightLimit limit;

    public final BytesInFlight bytes;

    /** The watermarks of {@code max-in-flight-per-partition}; null without it, and then shares are fair. */
    public volatile @Nullable Watermarks partitionMarks;

    /** How often limits have been changed: what hangs on them must be looked at anew. */
    public final AtomicInteger changes = new AtomicInteger();

    /** The most records that a poll of one consumer may bring; what Kafka's brings beyond that is held back. */
    public volatile int pollSize;

    /** The most records that a poll of one of Kafka's consumers may bring. */
    public final int kafkasPollSize;

    private final List<ConsumerLink> consumers = new CopyOnWriteArrayList<>();

    public Room(RunSettings settings, int pollSize) {
        this.limit = new InFlightLimit(Watermarks.of(settings.maxInFlight(), settings.resumeAt()));
        this.bytes = new BytesInFlight(settings);
        this.partitionMarks = partitionMarks(settings);
        this.pollSize = pollSize;
        this.kafkasPollSize = pollSize;
    }

    private static @Nullable Watermarks partitionMarks(RunSettings settings) {
        return settings.maxInFlightPerPartition() > 0
                ? Watermarks.of(settings.maxInFlightPerPartition(), settings.resumeAt())
                : null;
    }

    /**
     * Takes in other limits. What is in flight beyond them stays so; nothing more comes before there is room.
     *
     * @param changed with the same kinds of limits as before, but for one by partition instead of fair shares
     * @param size the most records that a poll of one consumer may bring now
     */
    public void change(RunSettings changed, int size) {
        pollSize = Math.min(size, kafkasPollSize);
        partitionMarks = partitionMarks(changed);
        bytes.change(changed);
        limit.change(Watermarks.of(changed.maxInFlight(), changed.resumeAt()));
    }

    /** Has all consumers look at the changed limits. */
    public void changed() {
        changes.incrementAndGet();
        consumers.forEach(consumer -> consumer.gate.signal());
    }

    public void add(ConsumerLink consumer) {
        consumers.add(consumer);
    }

    public void remove(ConsumerLink consumer) {
        consumers.remove(consumer);
    }

    /** The consumers that are open. */
    public List<ConsumerLink> consumers() {
        return consumers;
    }

    /** Wakes the consumers that wait for room if there is enough. To be called after some was made. */
    public void wakeIfRoom() {
        if (limit.shouldWakeWaiting(pollSize) || bytes.resume()) {
            wakeWaiting();
        }
    }

    /** Wakes the consumers that wait for room. */
    public void wakeWaiting() {
        for (ConsumerLink consumer : consumers) {
            consumer.wakeIfWaiting();
        }
    }
}
