package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.PauseReason;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import io.github.kafkabackpressure.progress.OffsetTracker;
import io.github.kafkabackpressure.progress.RememberedProgress;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Commits that say in their metadata which records beyond the frontier are finished. Whoever is assigned the partition next
 * passes over them, if it is sure that they are the ones.
 *
 * <p>Threading: the consumer's thread.
 */
public final class RememberingCommits implements CommitContent {

    /** How long to wait for what is committed. Without an answer nothing is remembered. */
    private static final Duration LONGEST_QUESTION = Duration.ofSeconds(10);

    /** A partition that was paused for its metadata goes on at this share of the limit. */
    private static final double RESUME_AT = 0.8;

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RememberingCommits.class));

    private final ListenerRun run;

    /** The user's text for an offset. */
    private final LongFunction<OffsetAndMetadata> metadata;

    private final GroupFacts facts;

    /** How long the user's text was at last. */
    private int longestText;

    public RememberingCommits(ListenerRun run, LongFunction<OffsetAndMetadata> metadata, GroupFacts facts) {
        this.run = run;
        this.metadata = metadata;
        this.facts = facts;
    }

    @Override
    public boolean remembers() {
        return true;
    }

    @Override
    public long remembered(OffsetAndMetadata content) {
        CommitMetadata.Decoded decoded = CommitMetadata.decode(lastWord(content.metadata()));
        return decoded instanceof CommitMetadata.Ours ours
                ? ours.progress().finished().count()
                : 0;
    }

    @Override
    public OffsetAndMetadata of(PartitionWork work) {
        OffsetAndMetadata plain = metadata.apply(work.tracker.frontier());
        OffsetRanges finished = work.tracker.finishedBeyond();
        String users = plain.metadata() == null ? "" : plain.metadata();
        longestText = users.isEmpty() ? 0 : users.length() + 1;
        if (finished.isEmpty()) {
            return plain;
        }
        String ours = CommitMetadata.encode(
                new RememberedProgress(
                        work.tracker.frontier(), work.leaderEpoch, facts.topic(work.partition.topic()), finished),
                facts.maxMetadata() - longestText);
        if (ours.isEmpty()) {
            return plain;
        }
        return new OffsetAndMetadata(plain.offset(), plain.leaderEpoch(), users.isEmpty() ? ours : users + " " + ours);
    }

    @Override
    public boolean isNearlyFull(PartitionWork work) {
        OffsetTracker tracker = work.tracker;
        if (tracker.unfinished() == 0) {
            return false;
        }
        int limit = facts.maxMetadata() - longestText;
        if (limit < GroupFacts.LEAST_METADATA || facts.hasRefused()) {
            return false; // too little, or nobody knows how much: rather some of it is forgotten
        }
        boolean paused = work.ownReason == PauseReason.COMMIT_METADATA;
        return tracker.mostCharacters(run.room.pollSize) > (paused ? (long) (limit * RESUME_AT) : limit);
    }

    @Override
    public boolean refused(@Nullable Exception failure, Collection<OffsetAndMetadata> offsets) {
        if (!(failure instanceof OffsetMetadataTooLarge)) {
            return false;
        }
        int longestOfUser = 0;
        int longest = 0; // of those with ours in them
        for (OffsetAndMetadata offset : offsets) {
            String text = offset.metadata();
            if (lastWord(text).startsWith(CommitMetadata.TAG)) {
                longest = Math.max(longest, text.length());
            } else {
                longestOfUser = Math.max(longestOfUser, text.length());
            }
        }
        if (longest <= longestOfUser) {
            return false; // the user's text alone is too long: ours cannot be made short enough for it
        }
        // Else another commit that was on its way has been refused before, and there is less of it by now.
        return longest > facts.maxMetadata() || facts.lowerMaxMetadata(longest);
    }

    private static String lastWord(String text) {
        return text.substring(text.lastIndexOf(' ') + 1);
    }

    @Override
    public void recall(
            Collection<PartitionWork> added,
            BiFunction<Set<TopicPartition>, Duration, Map<TopicPartition, OffsetAndMetadata>> committed) {
        if (added.isEmpty()) {
            return;
        }
        facts.learn(added.stream().map(work -> work.partition.topic()).collect(Collectors.toSet()));
        try {
            Map<TopicPartition, OffsetAndMetadata> offsets = committed.apply(
                    added.stream().map(work -> work.partition).collect(Collectors.toSet()), LONGEST_QUESTION);
            for (PartitionWork work : added) {
                OffsetAndMetadata offset = offsets.get(work.partition);
                if (offset != null) {
                    recall(work, offset);
                }
            }
        } catch (KafkaException e) {
            LOG.warn(
                    e,
                    () -> "what was finished beyond the committed offsets is not known; those records come again: "
                            + added.stream().map(work -> work.partition).toList());
        }
    }

    private void recall(PartitionWork work, OffsetAndMetadata committed) {
        String text = committed.metadata() == null ? "" : committed.metadata();
        CommitMetadata.Decoded decoded = CommitMetadata.decode(lastWord(text));
        if (decoded instanceof CommitMetadata.Damaged damaged) {
            if (run.metrics.metadataDamaged()) {
                LOG.warn(() -> "the metadata of the commit of " + work.partition + " at " + committed.offset()
                        + " is damaged (" + damaged.reason() + "); what it remembers comes again");
            }
        } else if (decoded instanceof CommitMetadata.Ours ours) {
            RememberedProgress progress = ours.progress();
            if (progress.offset() != committed.offset()
                    || progress.topic() != facts.topic(work.partition.topic())
                    || progress.finished().isEmpty()) {
                LOG.info(() -> "the metadata of the commit of " + work.partition + " at " + committed.offset()
                        + " belongs to another offset or topic; what it remembers comes again");
                return;
            }
            work.tracker.remember(progress);
            work.frontier = progress.offset();
            work.committed = progress.offset();
            work.leaderEpoch = progress.leaderEpoch();
            work.rememberedEpoch = progress.leaderEpoch();
        }
    }
}
