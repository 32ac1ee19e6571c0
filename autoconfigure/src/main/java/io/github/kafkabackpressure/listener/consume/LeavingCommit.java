package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ListenerRun;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.protocol.Errors;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * The last commit of partitions that leave. What may succeed later is tried until the time is over; where the broker refuses
 * what is said with the offsets, it gets less of that, and the offsets alone in the end.
 *
 * <p>Threading: the consumer's thread.
 */
final class LeavingCommit {

    /** How long the last commit is tried before it is asked what may keep it from succeeding. */
    private static final Duration FIRST_ATTEMPT = Duration.ofSeconds(1);

    /**
     * What is kept of the last commit's time for offsets alone, where the broker refuses what is said with them: they matter
     * more. Of a short time it is a quarter.
     */
    private static final Duration KEPT_FOR_OFFSETS = Duration.ofMillis(250);

    /** How long to wait for a heartbeat's answer that is under way. */
    private static final long STALE_EPOCH_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(LeavingCommit.class));

    private final Assignment assignment;

    private final ListenerRun run;

    private final Consumer<?, ?> consumer;

    LeavingCommit(Assignment assignment, Consumer<?, ?> consumer) {
        this.assignment = assignment;
        this.run = assignment.run;
        this.consumer = consumer;
    }

    /** As {@link FrontierCommitter#commitLeaving}. */
    void commit(Collection<PartitionWork> leaving, Duration timeout, @Nullable Runnable rebalance) {
        long deadline = run.nanoTime.getAsLong() + timeout.toNanos();
        long offsetsAloneFrom = deadline - Math.min(KEPT_FOR_OFFSETS.toNanos(), timeout.toNanos() / 4);
        Set<TopicPartition> offsetsAlone = new HashSet<>();
        Set<TopicPartition> missing = Set.of();
        boolean knowsMissing = false;
        while (true) {
            Map<PartitionWork, OffsetAndMetadata> due = due(leaving, missing, offsetsAlone);
            if (due.isEmpty()) {
                return;
            }
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            due.forEach((work, offset) -> offsets.put(work.partition, offset));
            Duration left = left(isOver(offsetsAloneFrom) ? deadline : offsetsAloneFrom);
            try {
                consumer.commitSync(offsets, knowsMissing || left.compareTo(FIRST_ATTEMPT) < 0 ? left : FIRST_ATTEMPT);
                run.metrics.committed(true);
                for (PartitionWork work : due.keySet()) {
                    work.committed = work.frontier;
                    if (!offsetsAlone.contains(work.partition)) {
                        work.committedChanges = work.tracker.changes();
                    }
                }
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
            } catch (OffsetMetadataTooLarge e) {
                boolean mayTryWithSome = !isOver(offsetsAloneFrom);
                if (assignment.content.refused(e, offsets.values()) && mayTryWithSome) {
                    continue; // with less of it
                }
                Set<TopicPartition> withTooMuch = withMostMetadata(offsets, mayTryWithSome);
                if (withTooMuch.isEmpty()) {
                    failed(offsets, e);
                    return;
                }
                offsetsAlone.addAll(withTooMuch);
                LOG.warn(() -> "the broker refuses the metadata of the last commit of " + withTooMuch
                        + "; the offsets are committed without it, and what it would have remembered comes again");
            } catch (CommitFailedException e) {
                if (!isOfStaleEpoch(e) || isOver(deadline)) {
                    failed(offsets, e);
                    return;
                }
                LockSupport.parkNanos(STALE_EPOCH_NANOS);
            } catch (KafkaException e) {
                failed(offsets, e);
                return;
            }
        }
    }

    /**
     * Whether the member is in the group still, and its epoch is a newer one, which the answer to its heartbeat brings: of the
     * consumer protocol Kafka does not say so by an exception of its own.
     */
    private static boolean isOfStaleEpoch(CommitFailedException failure) {
        return String.valueOf(failure.getMessage()).contains(Errors.STALE_MEMBER_EPOCH.message());
    }

    /** What is to be committed of the partitions that have not left meanwhile. */
    private Map<PartitionWork, OffsetAndMetadata> due(
            Collection<PartitionWork> leaving, Set<TopicPartition> missing, Set<TopicPartition> offsetsAlone) {
        Map<PartitionWork, OffsetAndMetadata> due = new HashMap<>();
        for (PartitionWork work : leaving) {
            long frontier = work.frontier;
            boolean alone = offsetsAlone.contains(work.partition);
            // An offset that is committed already must not lose what was said with it.
            if ((alone ? frontier > work.committed : work.hasNews(frontier, assignment.content.remembers()))
                    && !missing.contains(work.partition)
                    && assignment.work(work.partition) == work) {
                due.put(work, alone ? new OffsetAndMetadata(frontier) : assignment.content.of(work));
            }
        }
        return due;
    }

    /** Which partitions' commits have the longest metadata, or any at all. */
    private static Set<TopicPartition> withMostMetadata(
            Map<TopicPartition, OffsetAndMetadata> offsets, boolean longestOnly) {
        int longest = offsets.values().stream()
                .mapToInt(offset -> offset.metadata().length())
                .max()
                .orElse(0);
        int least = longestOnly ? Math.max(1, longest) : 1;
        return offsets.entrySet().stream()
                .filter(offset -> offset.getValue().metadata().length() >= least)
                .map(Map.Entry::getKey)
                .collect(Collectors.toSet());
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
}
