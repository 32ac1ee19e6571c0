package io.github.kafkabackpressure.listener;

import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;

/**
 * What topics of different worth get of the room: once half of it is taken, the lower ones are paused as long as a higher
 * one has records waiting, but never below a tenth of the room, or one poll.
 *
 * <p>Threading: the consumer's thread.
 */
final class TopicShares {

    private static final int PARTS_FOR_LOWER = 10;

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    private final Map<String, Integer> priorities;

    private final int usual;

    TopicShares(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.priorities = run.options.overload().topicPriority();
        this.usual = run.options.overload().defaultPriority();
    }

    /** Whether a partition must leave the next poll to topics that are worth more. */
    boolean leavesPollToHigher(PartitionWork work) {
        long limit = run.limit.limit();
        if (run.limit.inFlight() + run.pollSize <= limit / 2) {
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
        return higherHasRecords && ofLower >= Math.max(run.pollSize, limit / PARTS_FOR_LOWER);
    }

    private int priority(PartitionWork work) {
        return priorities.getOrDefault(work.partition.topic(), usual);
    }

    private long lag(PartitionWork work) {
        return consumer.currentLag(work.partition).orElse(0);
    }
}
