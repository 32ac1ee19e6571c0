package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.Watermarks;
import io.github.kafkabackpressure.listener.task.Room;
import org.jspecify.annotations.Nullable;

/**
 * Pauses a partition that has {@code max-in-flight-per-partition} records in flight, where there is such a limit.
 *
 * <p>Threading: the consumer's thread.
 */
final class OwnLimitRule implements PauseRule {

    private final Room room;

    private final HeldRoom held;

    OwnLimitRule(Room room, HeldRoom held) {
        this.room = room;
        this.held = held;
    }

    @Override
    public @Nullable PauseReason why(PartitionWork work) {
        Watermarks marks = room.partitionMarks;
        if (marks == null) {
            return null;
        }
        if (work.held.held() > 0) {
            held.forget(work); // they were fair before the limits were changed
        }
        boolean paused = work.ownReason == PauseReason.MAX_IN_FLIGHT_PER_PARTITION;
        return marks.pauses(paused, work.inFlight.inFlight()) ? PauseReason.MAX_IN_FLIGHT_PER_PARTITION : null;
    }

    @Override
    public int wakeAt(PartitionWork work) {
        Watermarks marks = room.partitionMarks;
        return marks == null ? work.wakeAt : (int) marks.low();
    }

    @Override
    public boolean hasEnded(PartitionWork work) {
        Watermarks marks = room.partitionMarks;
        return marks != null && work.inFlight.inFlight() <= marks.low();
    }
}
