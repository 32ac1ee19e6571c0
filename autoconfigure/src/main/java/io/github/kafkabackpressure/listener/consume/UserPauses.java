package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.task.RunCounts;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.common.TopicPartition;

/**
 * The partitions of a consumer that the user has paused.
 *
 * <p>Threading: the consumer's thread.
 */
final class UserPauses {

    private final Assignment assignment;

    private final RunCounts metrics;

    /** Made anew when they change, as the loop asks for them at each turn. */
    private Set<TopicPartition> paused = Set.of();

    UserPauses(Assignment assignment) {
        this.assignment = assignment;
        this.metrics = assignment.run.metrics;
    }

    /** Takes in what the user wants paused and not paused any more; returns the work in it. */
    List<PartitionWork> set(Collection<TopicPartition> partitions, boolean pauses) {
        List<PartitionWork> changed = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            PartitionWork work = assignment.work(partition);
            if (work == null) {
                throw new IllegalStateException("No current assignment for partition " + partition);
            }
            work.pausedByUser = pauses;
            changed.add(work);
        }
        update();
        return changed;
    }

    /** Takes in that partitions are not assigned any more. */
    void removed() {
        if (!paused.isEmpty()) {
            update();
        }
    }

    private void update() {
        Set<TopicPartition> now = new HashSet<>();
        for (PartitionWork work : assignment.works()) {
            if (work.pausedByUser) {
                now.add(work.partition);
            }
        }
        count(now, paused, metrics::paused);
        count(paused, now, metrics::resumed);
        paused = Collections.unmodifiableSet(now);
    }

    private static void count(Set<TopicPartition> some, Set<TopicPartition> without, Consumer<PauseReason> counter) {
        for (TopicPartition partition : some) {
            if (!without.contains(partition)) {
                counter.accept(PauseReason.USER);
            }
        }
    }

    /** The partitions that the user has paused. */
    Set<TopicPartition> partitions() {
        return paused;
    }

    /** Whether there is a partition that the user has not paused. Without one, room would be held in vain. */
    boolean leavePartitionsToPoll() {
        for (PartitionWork work : assignment.works()) {
            if (!work.pausedByUser) {
                return true;
            }
        }
        return false;
    }
}
