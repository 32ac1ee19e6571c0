package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Commits the frontiers of a consumer's partitions: every {@code commit-interval}, at once (that is at most every
 * {@value #LEAST_INTERVAL_MILLIS} ms) when a partition has drained, and for good when partitions leave.
 *
 * <p>Threading: the consumer's thread.
 */
public final class FrontierCommitter implements TickStep {

    /** The shortest time from one commit to the next because a partition has drained. */
    static final long LEAST_INTERVAL_MILLIS = 50;

    private static final long LEAST_INTERVAL = TimeUnit.MILLISECONDS.toNanos(LEAST_INTERVAL_MILLIS);

    /** How long to wait after a failed commit. */
    private static final long RETRY_INTERVAL = TimeUnit.SECONDS.toNanos(1);

    /** How long the last commit is tried before it is asked what may keep it from succeeding. */
    private static final Duration FIRST_ATTEMPT = Duration.ofSeconds(1);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(FrontierCommitter.class));

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    private final long interval;

    /** Without a group there is nothing to commit to. */
    private final boolean enabled;

    private final Set<PartitionWork> dirty = new LinkedHashSet<>();

    /**
     * What is being committed of a partition.
     *
     * @param rewinds how often the partition had been sought back by then
     * @param changes what the tracker's changes were
     */
    private record Commit(long frontier, int rewinds, long changes) {}

    private boolean answerPending;

    private boolean lastFailed;

    private long lastCommit;

    public FrontierCommitter(Assignment assignment, Consumer<?, ?> consumer, boolean enabled) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.enabled = enabled;
        this.interval = run.settings.commitInterval().toNanos();
        this.lastCommit = run.nanoTime.getAsLong() - Math.max(interval, LEAST_INTERVAL);
    }

    /** Takes in the frontiers of partitions that have changed, and commits if it is time. */
    @Override
    public void tick(long polledAt) {
        boolean drained = takeFrontiers(assignment.touched());
        lastFailed &= !dirty.isEmpty(); // else what was not committed has left, and there is nothing to try again
        long sinceLast = run.nanoTime.getAsLong() - lastCommit;
        boolean mayCommitAtOnce = !lastFailed && sinceLast >= LEAST_INTERVAL;
        boolean due = lastFailed
                ? sinceLast >= RETRY_INTERVAL
                : sinceLast >= interval || (mayCommitAtOnce && (drained || hasDrained()));
        if (enabled && !answerPending && !dirty.isEmpty() && due) {
            commitAsync();
            mayCommitAtOnce = false;
        }
        assignment.link.wakeWhenDrained = mayCommitAtOnce && enabled;
    }

    private boolean takeFrontiers(Collection<PartitionWork> works) {
        boolean drained = false;
        for (PartitionWork work : works) {
            long frontier = work.tracker.frontier();
            if (frontier != work.frontier) {
                work.frontier = frontier;
            }
            if (hasNews(work, frontier)) {
                dirty.add(work);
                drained |= work.tracker.isDrained();
            }
        }
        return drained;
    }

    /** Whether there is something to commit of a partition: a frontier, or what is finished beyond it. */
    private boolean hasNews(PartitionWork work, long frontier) {
        return frontier >= 0
                && (frontier > work.committed
                        || (work.committedChanges != work.tracker.changes() && assignment.content.remembers()));
    }

    private boolean hasDrained() {
        for (PartitionWork work : dirty) {
            if (work.tracker.isDrained()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public long nanosToNext() {
        if (!enabled) {
            return Long.MAX_VALUE;
        }
        if (answerPending) {
            // The answer comes during the poll but does not end it, and by then there may be more to commit.
            return LEAST_INTERVAL;
        }
        long sinceLast = run.nanoTime.getAsLong() - lastCommit;
        if (!dirty.isEmpty()) {
            long wait = lastFailed ? RETRY_INTERVAL : hasDrained() ? LEAST_INTERVAL : interval;
            return Math.max(0, wait - sinceLast);
        }
        if (run.limit.inFlight() == 0 && assignment.link.mailbox.isEmpty()) {
            return Long.MAX_VALUE;
        }
        // Of what is finished now only the last record of a partition wakes the consumer, and shortly after a commit
        // not even that one: look by itself.
        return assignment.link.wakeWhenDrained ? interval : Math.max(0, LEAST_INTERVAL - sinceLast);
    }

    private void commitAsync() {
        Map<PartitionWork, Commit> commits = new HashMap<>();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (PartitionWork work : dirty) {
            long frontier = work.tracker.frontier();
            if (hasNews(work, frontier)) { // else it has been sought back since
                commits.put(work, new Commit(frontier, work.rewinds, work.tracker.changes()));
                offsets.put(work.partition, assignment.content.of(work));
            }
        }
        dirty.clear();
        if (offsets.isEmpty()) {
            return;
        }
        answerPending = true;
        lastCommit = run.nanoTime.getAsLong();
        try {
            consumer.commitAsync(offsets, (committed, exception) -> answered(commits, offsets, exception));
        } catch (RuntimeException e) {
            answered(commits, offsets, e); // nobody else will
            throw e;
        }
    }

    private void answered(
            Map<PartitionWork, Commit> commits,
            Map<TopicPartition, OffsetAndMetadata> offsets,
            @Nullable Exception failure) {
        answerPending = false;
        boolean goesOnWithLess = assignment.content.refused(failure, offsets.values());
        lastFailed = failure != null && !goesOnWithLess;
        run.metrics.committed(failure == null);
        if (failure == null) {
            commits.forEach((work, commit) -> {
                if (work.rewinds == commit.rewinds()) { // else what is committed now is ahead of what comes again
                    work.committed = commit.frontier();
                    work.committedChanges = commit.changes();
                }
            });
        } else {
            if (goesOnWithLess) {
                lastCommit = run.nanoTime.getAsLong() - Math.max(interval, LEAST_INTERVAL); // at once
                run.room.changed(); // nobody else looks at partitions that were paused for their metadata
            } else {
                LOG.warn(failure, () -> "could not commit " + offsets + "; will try again");
            }
            commits.keySet().stream()
                    .filter(work -> assignment.work(work.partition) == work)
                    .forEach(dirty::add);
        }
    }

    /**
     * Commits the frontiers of partitions that leave, and forgets them. Whatever goes wrong with the commit, it does not
     * throw: the records come again. What may succeed later is tried until the time is over.
     *
     * @param timeout how long it may take
     * @param rebalance goes on with a rebalance of the group, until the end of which no member can commit, and returns
     *     soon; partitions may leave by that. Null if there is no way to do so, as in a callback of a rebalance.
     */
    void commitLeaving(Collection<PartitionWork> leaving, Duration timeout, @Nullable Runnable rebalance) {
        leaving.forEach(work -> work.frontier = work.tracker.frontier());
        dirty.removeAll(leaving);
        if (!enabled) {
            return;
        }
        long deadline = run.nanoTime.getAsLong() + timeout.toNanos();
        Set<TopicPartition> missing = Set.of();
        boolean knowsMissing = false;
        while (true) {
            Map<PartitionWork, OffsetAndMetadata> due = due(leaving, missing);
            if (due.isEmpty()) {
                return;
            }
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            due.forEach((work, offset) -> offsets.put(work.partition, offset));
            Duration left = left(deadline);
            try {
                consumer.commitSync(offsets, knowsMissing || left.compareTo(FIRST_ATTEMPT) < 0 ? left : FIRST_ATTEMPT);
                run.metrics.committed(true);
                due.keySet().forEach(work -> {
                    work.committed = work.frontier;
                    work.committedChanges = work.tracker.changes();
                });
                return;
            } catch (WakeupException e) {
                LOG.trace(e, "a wake-up was meant for a poll; the commit has not been done");
            } catch (RebalanceInProgressException e) {
                if (rebalance == null || isOver(deadline)) {
                    failed(offsets, e);
                    return;
                }
                rebalance.run();
            } catch (RetriableException e) {
                if (isOver(deadline)) {
                    failed(offsets, e);
                    return;
                }
                if (!knowsMissing) {
                    missing = missing(offsets.keySet(), left(deadline));
                    knowsMissing = true;
                }
            } catch (KafkaException e) {
                if (assignment.content.refused(e, offsets.values()) && !isOver(deadline)) {
                    continue; // with less of it
                }
                failed(offsets, e);
                return;
            }
        }
    }

    /** What is to be committed of the partitions that have not left meanwhile. */
    private Map<PartitionWork, OffsetAndMetadata> due(Collection<PartitionWork> leaving, Set<TopicPartition> missing) {
        Map<PartitionWork, OffsetAndMetadata> due = new HashMap<>();
        for (PartitionWork work : leaving) {
            long frontier = work.frontier;
            if (hasNews(work, frontier)
                    && !missing.contains(work.partition)
                    && assignment.work(work.partition) == work) {
                due.put(work, assignment.content.of(work));
            }
        }
        return due;
    }

    private boolean isOver(long deadline) {
        return run.nanoTime.getAsLong() - deadline >= 0;
    }

    private Duration left(long deadline) {
        return Duration.ofNanos(Math.max(deadline - run.nanoTime.getAsLong(), TimeUnit.MILLISECONDS.toNanos(1)));
    }

    /**
     * Which partitions do not exist any more, as their topics were deleted: Kafka's consumer tries to commit them, and
     * with them all others, for as long as it is let. All topics are asked for, as to ask for one may make it anew.
     */
    private Set<TopicPartition> missing(Set<TopicPartition> partitions, Duration timeout) {
        try {
            Map<String, List<PartitionInfo>> topics = consumer.listTopics(timeout);
            Set<TopicPartition> missing = new HashSet<>(partitions);
            missing.removeIf(partition -> topics.getOrDefault(partition.topic(), List.of()).stream()
                    .anyMatch(known -> known.partition() == partition.partition()));
            if (!missing.isEmpty()) {
                LOG.info(() -> "nothing is committed for " + missing + ", which the broker does not have any more");
            }
            return missing;
        } catch (KafkaException e) {
            LOG.debug(e, "the broker does not tell which topics there are");
            return Set.of();
        }
    }

    private void failed(Map<TopicPartition, OffsetAndMetadata> offsets, Exception cause) {
        run.metrics.committed(false);
        LOG.warn(cause, () -> "could not commit " + offsets + " when the partitions left; their records come again");
    }

    /** Forgets partitions without committing. */
    public void lost(Collection<PartitionWork> works) {
        dirty.removeAll(works);
    }
}
