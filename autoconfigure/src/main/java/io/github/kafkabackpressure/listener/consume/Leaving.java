package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.AllSteps;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.Nanos;
import io.github.kafkabackpressure.progress.OffsetTracker;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * How partitions leave a consumer: what has started ends, the frontiers are committed, and the work is forgotten. Each
 * of these steps is taken for each partition, whatever the ones before have thrown: a partition that is another
 * consumer's must not be worked on here, and the loop closes the consumer only if this returns.
 *
 * <p>Threading: the consumer's thread.
 */
final class Leaving {

    /** The least time that a last commit gets, however late it is. */
    private static final Duration LEAST_COMMIT_TIME = Duration.ofSeconds(1);

    /** The share of {@code max.poll.interval.ms} that a drain may use up; the rest is for the rebalance. */
    private static final double SHARE_OF_POLL_INTERVAL = 0.7;

    /** How long a poll is that only goes on with a rebalance. */
    private static final Duration REBALANCE_POLL = Duration.ofMillis(100);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(Leaving.class));

    private final ListenerRun run;

    private final Assignment assignment;

    private final Consumer<?, ?> kafka;

    private final PauseControl pauses;

    private final FrontierCommitter committer;

    private final long longestDrainNanos;

    private final Map<TopicPartition, OffsetAndMetadata> frontiersLeft = new HashMap<>();

    Leaving(
            Assignment assignment,
            Consumer<?, ?> kafka,
            PauseControl pauses,
            FrontierCommitter committer,
            Duration maxPollInterval) {
        this.run = assignment.run;
        this.assignment = assignment;
        this.kafka = kafka;
        this.pauses = pauses;
        this.committer = committer;
        this.longestDrainNanos = (long) (Nanos.of(maxPollInterval) * SHARE_OF_POLL_INTERVAL);
    }

    /** Where partitions were left that Kafka is about to take away; who knows that it has, clears it. */
    Map<TopicPartition, OffsetAndMetadata> frontiersLeft() {
        return frontiersLeft;
    }

    /**
     * Lets all partitions leave, because the loop ends; never throws. If the group is rebalancing, its members cannot
     * commit until that is over, so the rebalance is gone on with meanwhile.
     *
     * @param polledAt when the loop was last known to be in a poll, on the run's clock
     */
    void all(long polledAt) {
        List<PartitionWork> works = List.copyOf(assignment.works());
        try {
            leave(works, polledAt, this::goOnWithRebalance);
        } catch (RuntimeException | Error e) {
            LOG.error(e, "the partitions could not be left in order; their unfinished records come again");
        }
    }

    /**
     * Lets partitions leave that are revoked.
     *
     * @param polledAt as in {@link #all}
     * @throws RuntimeException or an {@code Error}, if one of the steps does; all are taken
     */
    void revoked(Collection<PartitionWork> works, long polledAt) {
        leave(works, polledAt, null);
    }

    private void leave(Collection<PartitionWork> works, long polledAt, @Nullable Runnable rebalance) {
        if (works.isEmpty()) {
            return;
        }
        long now = run.nanoTime.getAsLong();
        long untilEvicted = longestDrainNanos - (now - polledAt);
        long budget = Math.max(0, Math.min(Nanos.of(run.settings.drainTimeout()), untilEvicted));
        AllSteps steps = new AllSteps();
        steps.take(() -> drain(works, now, budget));
        steps.take(() -> {
            Duration left = Duration.ofNanos(now + budget - run.nanoTime.getAsLong());
            committer.commitLeaving(works, left.compareTo(LEAST_COMMIT_TIME) < 0 ? LEAST_COMMIT_TIME : left, rebalance);
        });
        for (PartitionWork work : works) {
            if (work.tracker.frontier() >= 0) {
                OffsetAndMetadata content = contentOf(work);
                frontiersLeft.put(work.partition, content);
                count(work, content);
            }
        }
        steps.take(() -> remove(works));
        steps.end();
    }

    private OffsetAndMetadata contentOf(PartitionWork work) {
        try {
            return assignment.content.of(work);
        } catch (RuntimeException | Error e) {
            LOG.debug(e, "the user's code says nothing of where a partition was left");
            return new OffsetAndMetadata(work.tracker.frontier());
        }
    }

    /**
     * Counts what comes again of a partition, and what of it is remembered.
     *
     * @param content what was to be committed for it
     */
    private void count(PartitionWork work, OffsetAndMetadata content) {
        OffsetTracker tracker = work.tracker;
        long finished = tracker.span() - tracker.unfinished();
        boolean isCommitted = work.committed == tracker.frontier();
        boolean isRemembered = isCommitted && work.committedChanges == tracker.changes();
        long remembered = isRemembered ? Math.min(finished, assignment.content.remembered(content)) : 0;
        long uncommitted = isCommitted || work.committed < 0 ? 0 : tracker.frontier() - work.committed;
        run.metrics.left(remembered, finished - remembered + uncommitted, tracker.unfinished());
    }

    private void drain(Collection<PartitionWork> works, long now, long budget) {
        List<PartitionWork> abandoned = assignment.drain(works, now + budget);
        int left = abandoned.stream().mapToInt(work -> work.inFlight.running()).sum();
        run.metrics.drained(works.size(), left, run.nanoTime.getAsLong() - now);
        for (PartitionWork work : abandoned) {
            LOG.warn(
                    () -> work.inFlight.running() + " records of " + work.partition + " were still being handled after "
                            + Duration.ofNanos(budget).toMillis() + " ms and are given up; they come again from offset "
                            + work.tracker.frontier() + run.running.describeAwaited(work));
        }
    }

    /** Polls with everything paused. What comes nevertheless, of partitions that are new, is left to who polls it next. */
    private void goOnWithRebalance() {
        try {
            kafka.pause(kafka.assignment());
            kafka.poll(REBALANCE_POLL);
        } catch (WakeupException e) {
            LOG.trace(e, "a wake-up was meant for the loop, which has ended");
        }
    }

    /** Forgets partitions without waiting or committing, as they are another consumer's by now. */
    void remove(Collection<PartitionWork> works) {
        AllSteps steps = new AllSteps();
        steps.take(() -> assignment.remove(works));
        steps.take(() -> pauses.removed(works));
        steps.take(() -> committer.lost(works));
        steps.end();
    }

    /** Ends it all, at the end of the loop; never throws. */
    void close() {
        AllSteps steps = new AllSteps();
        steps.take(pauses::close);
        steps.take(assignment::close);
        try {
            steps.end();
        } catch (RuntimeException | Error e) {
            LOG.error(e, "the work of a consumer could not be ended in order");
        }
    }
}
