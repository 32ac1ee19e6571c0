package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.consume.ConsumerLife.State;
import io.github.kafkabackpressure.listener.task.AllSteps;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * What Kafka assigns to a consumer and takes away from it: the work of partitions ends and starts before the loop's own
 * listener hears of it.
 *
 * <p>Threading: the consumer's thread.
 */
final class Rebalances {

    private final Assignment assignment;

    private final Consumer<?, ?> kafka;

    private final ConsumerLife life;

    private final PauseControl pauses;

    private final Leaving leave;

    private final BiFunction<Set<TopicPartition>, Duration, Map<TopicPartition, OffsetAndMetadata>> committed;

    /** Called when the consumer may be another member of its group. */
    private final Runnable membership;

    /** What Kafka's consumer has assigned, which copies it for each caller; null when it may have changed. */
    private @Nullable Set<TopicPartition> known;

    /**
     * Makes it.
     *
     * @param kafka Kafka's own consumer
     * @param committed asks for what is committed, for at most a time
     * @param membership called when the consumer may be another member of its group
     */
    Rebalances(
            Assignment assignment,
            Consumer<?, ?> kafka,
            ConsumerLife life,
            PauseControl pauses,
            Leaving leave,
            BiFunction<Set<TopicPartition>, Duration, Map<TopicPartition, OffsetAndMetadata>> committed,
            Runnable membership) {
        this.assignment = assignment;
        this.kafka = kafka;
        this.life = life;
        this.pauses = pauses;
        this.leave = leave;
        this.committed = committed;
        this.membership = membership;
    }

    /** What is assigned. The loop asks for this twice in each turn, so it must not cost more with more partitions. */
    Set<TopicPartition> assigned() {
        if (life.state() == State.NEW || life.state() == State.CLOSED || life.isCalledBack()) {
            return kafka.assignment();
        }
        Set<TopicPartition> now = known;
        if (now == null) {
            now = kafka.assignment();
            known = now;
        }
        return now;
    }

    /** Says that what is assigned may have changed. */
    void changed() {
        known = null;
    }

    /** Takes in that the loop has chosen partitions itself. */
    void chosen(Collection<TopicPartition> partitions) {
        leave.remove(assignment.works().stream()
                .filter(work -> !partitions.contains(work.partition))
                .toList());
        begin(partitions);
    }

    /** Starts the work of partitions that are newly assigned, with what their last owners have finished of it. */
    private void begin(Collection<TopicPartition> partitions) {
        List<PartitionWork> added = assignment.assigned(partitions);
        assignment.content.recall(added, committed);
        pauses.assigned(added);
    }

    private List<PartitionWork> works(Collection<TopicPartition> partitions) {
        return assignment.works().stream()
                .filter(work -> partitions.contains(work.partition))
                .toList();
    }

    /** Kafka calls back inside of a poll. Workers must not wake that: it would hit the calls that are made here. */
    private void outsideOfPoll(Runnable callback) {
        assignment.link.gate.leavePoll();
        life.polls(); // Kafka, too, counts its interval anew while it polls
        changed();
        State before = life.beginCallBack();
        try {
            callback.run();
        } finally {
            life.end(before);
            if (!life.isLeaving() && !assignment.link.gate.enterPoll()) {
                kafka.wakeup(); // somebody signalled meanwhile: the rest of this poll must not block
            }
        }
    }

    /** What Kafka is to tell of rebalances, around what it is to tell the loop's own listener. */
    ConsumerRebalanceListener around(@Nullable ConsumerRebalanceListener listener) {
        return new Draining(listener);
    }

    private final class Draining implements ConsumerRebalanceListener {

        private final @Nullable ConsumerRebalanceListener listener;

        Draining(@Nullable ConsumerRebalanceListener listener) {
            this.listener = listener;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            outsideOfPoll(() -> {
                assignment.run.metrics.revoked(partitions);
                AllSteps steps = new AllSteps();
                steps.take(() -> leave.revoked(works(partitions), life.polledAt()));
                if (listener != null) {
                    steps.take(() -> listener.onPartitionsRevoked(partitions));
                }
                steps.end();
            });
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            outsideOfPoll(() -> {
                assignment.run.metrics.lost(partitions);
                AllSteps steps = new AllSteps();
                steps.take(() -> leave.remove(works(partitions))); // nothing to wait for or to commit
                if (listener != null) {
                    steps.take(() -> listener.onPartitionsLost(partitions));
                }
                steps.end();
            });
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            outsideOfPoll(() -> {
                leave.frontiersLeft().clear();
                assignment.run.metrics.assigned(partitions);
                begin(partitions);
                membership.run();
                if (listener != null) {
                    listener.onPartitionsAssigned(partitions);
                }
            });
        }
    }
}
