package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.flow.ArrivalRate.Knowledge;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Puts where it can be seen what only a consumer's own thread knows: how far its partitions are, how far they have to
 * go, and what its time goes into.
 *
 * <p>Threading: the consumer's thread.
 */
final class ConsumerWatch implements TickStep {

    /** How often the consumer is asked for its lag; newer groups' consumers ask another thread for each partition. */
    private static final long LAG_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Assignment assignment;

    private final ListenerRun run;

    private final PauseControl pauses;

    private final Consumer<?, ?> consumer;

    private long lagsAt;

    /** @param consumer Kafka's own consumer */
    ConsumerWatch(Assignment assignment, PauseControl pauses, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.pauses = pauses;
        this.consumer = consumer;
        this.lagsAt = run.nanoTime.getAsLong();
    }

    /**
     * Looks at what the tick has changed.
     *
     * @param now about the present time
     */
    @Override
    public void tick(long now) {
        for (PartitionWork work : assignment.touched()) {
            look(work, now);
        }
        boolean idle = run.limit.inFlight() == 0;
        PauseReason paused = pausedFor();
        if (assignment.link.times.differs(idle, paused)) {
            assignment.link.times.become(idle, paused, run.nanoTime.getAsLong());
        }
        if (now - lagsAt >= LAG_INTERVAL_NANOS) {
            lagsAt = now;
            for (PartitionWork work : assignment.works()) {
                lookAtLag(work, now);
            }
            assignment.side.everySecond.accept(now);
        }
    }

    private static void look(PartitionWork work, long now) {
        PartitionSight sight = work.sight;
        long frontier = work.tracker.frontier();
        sight.position = work.tracker.position();
        sight.pastFrontier = work.tracker.span();
        if (work.tracker.isDrained()) {
            sight.oldestPolledAt = PartitionSight.NEVER;
            sight.frontierMovedAt = PartitionSight.NEVER;
        } else {
            if (sight.frontierMovedAt == PartitionSight.NEVER || frontier != sight.frontierSeen) {
                sight.frontierMovedAt = now;
            }
            sight.oldestPolledAt = sight.polls.timeOf(frontier);
        }
        sight.frontierSeen = frontier;
    }

    /** Why nothing can be polled; null if something can. */
    private @Nullable PauseReason pausedFor() {
        PauseReason reason = pauses.reason();
        if (reason != null) {
            return reason;
        }
        for (PartitionWork work : assignment.works()) {
            reason = work.reason;
            if (reason == null) {
                return null;
            }
        }
        return reason;
    }

    private void lookAtLag(PartitionWork work, long now) {
        OptionalLong lag = consumer.currentLag(work.partition);
        PartitionSight sight = work.sight;
        if (lag.isEmpty()) {
            return;
        }
        sight.lag = lag.getAsLong();
        long position = work.tracker.position();
        if (position >= 0) {
            long end = position + lag.getAsLong();
            sight.endOffset = end;
            sight.arrivals.look(end, knowledge(work, lag.getAsLong()), now);
            sight.arrivedPerSecond = sight.arrivals.perSecond();
        }
    }

    private static Knowledge knowledge(PartitionWork work, long lag) {
        return work.paused ? Knowledge.PAUSED : lag > 0 ? Knowledge.BEHIND : Knowledge.AT_END;
    }
}
