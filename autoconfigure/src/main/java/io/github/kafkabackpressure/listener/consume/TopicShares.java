package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.overload.OverloadSettings;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What topics of different worth get of the room: once half of it is taken, the lower ones are paused as long as a higher
 * one has records waiting, but never below a tenth of the room, or one poll.
 *
 * <p>Threading: the consumer's thread.
 */
final class TopicShares implements PauseRule {

    private static final int PARTS_FOR_LOWER = 10;

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    private final Map<String, Integer> priorities;

    private final int usual;

    TopicShares(Assignment assignment, OverloadSettings settings, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.priorities = settings.topicPriority();
        this.usual = settings.defaultPriority();
    }

    /** Pauses a partition that must leave the next poll to topics that are worth more. */
    @Override
    public @Nullable PauseReason why(PartitionWork work) {
        return leavesPollToHigher(work) ? PauseReason.TOPIC_PRIORITY : null;
    }

    private boolean leavesPollToHigher(PartitionWork work) {
        long limit = run.limit.limit();
        if (run.limit.inFlight() + run.room.pollSize <= limit / 2) {
            return false;
        }
        int own = priority(work);
        long ofLower = 0;
        boolean higherHasRecords = false;
        for (PartitionWork other : assignment.works()) {
            if (priority(other) <= own) {
                ofLower += other.inFlight.inFlight();
            } else {
                higherHasRecords |=
                        !other.pausedByUser && (other.inFlight.inFlight() > other.inFlight.running() || lag(other) > 0);
            }
        }
        return higherHasRecords && ofLower >= Math.max(run.room.pollSize, limit / PARTS_FOR_LOWER);
    }

    private int priority(PartitionWork work) {
        return priorities.getOrDefault(work.partition.topic(), usual);
    }

    private long lag(PartitionWork work) {
        return consumer.currentLag(work.partition).orElse(0);
    }
}
