package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Commits the frontiers of a consumer's partitions: every {@code commit-interval}, at once (that is at most every
 * {@value #LEAST_INTERVAL_MILLIS} ms) when a partition has drained, and for good when partitions leave.
 *
 * <p>Threading: the consumer's thread.
 */
final class FrontierCommitter implements TickStep {

    /** The shortest time from one commit to the next because a partition has drained. */
    static final long LEAST_INTERVAL_MILLIS = 50;

    private static final long LEAST_INTERVAL = TimeUnit.MILLISECONDS.toNanos(LEAST_INTERVAL_MILLIS);

    /** How long to wait after a failed commit. */
    private static final long RETRY_INTERVAL = TimeUnit.SECONDS.toNanos(1);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(FrontierCommitter.class));

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    private final LeavingCommit leavingCommit;

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

    FrontierCommitter(Assignment assignment, Consumer<?, ?> consumer, boolean enabled) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
        this.leavingCommit = new LeavingCommit(assignment, consumer);
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
            if (work.hasNews(frontier, assignment.content.remembers())) {
                dirty.add(work);
                drained |= work.tracker.isDrained();
            }
        }
        return drained;
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
            if (work.hasNews(frontier, assignment.content.remembers())) { // else it has been sought back since
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
        if (enabled) {
            leavingCommit.commit(leaving, timeout, rebalance);
        }
    }

    /** Forgets partitions without committing. */
    void lost(Collection<PartitionWork> works) {
        dirty.removeAll(works);
    }
}
