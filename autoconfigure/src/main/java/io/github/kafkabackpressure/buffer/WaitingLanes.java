package io.github.kafkabackpressure.buffer;

import io.github.kafkabackpressure.buffer.Waiting.Lane;
import io.github.kafkabackpressure.buffer.Waiting.Partition;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The lanes of one partition in a {@link WaitingRoom}: by key, one for all, or one for each record. It also knows the
 * newest waiting record of each key, where only that is kept.
 *
 * <p>Threading: made by the consumer's thread; its content is under the lock of its room.
 */
public final class WaitingLanes implements Partition {

    /** Which records follow one another. */
    public enum Order {

        /** All of the partition. */
        ALL,

        /** Those with equal keys. */
        BY_KEY,

        /** None. */
        NONE
    }

    private static final Object ONLY = new Object();

    private final Order order;

    private final Map<Object, Lane> lanes = new HashMap<>();

    /** The newest waiting record of each key; empty unless records are conflated. */
    final Map<Object, Waiting> newest = new HashMap<>();

    /** Makes the lanes of a partition. */
    public WaitingLanes(Order order) {
        this.order = order;
    }

    /** The lane of a key, which is made if there is none. */
    Lane laneOf(Object key) {
        if (order == Order.NONE) {
            return new Lane(null);
        }
        Object laneKey = order == Order.ALL ? ONLY : key;
        return lanes.computeIfAbsent(laneKey, Lane::new);
    }

    @Override
    public void forget(Lane lane) {
        if (lane.laneKey != null) {
            lanes.remove(lane.laneKey, lane);
        }
    }

    /** How many lanes are not known to be empty. */
    int size() {
        return lanes.size();
    }

    @Override
    public void notNewest(@Nullable Object key, Waiting record) {
        if (key != null) {
            newest.remove(key, record);
        }
    }
}
