package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ForwardingConsumer;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * The consumer that spring-kafka's poll loop works with: Kafka's own, and around it all that back-pressure has to do on
 * the consumer's thread. Before each poll it does one tick: take in what workers finished, commit if it is time, bring
 * the paused partitions to what they should be. It drains partitions when they are revoked, and all when the loop ends.
 *
 * <p>The loop sees only the pauses that users asked for. What is really paused is those united with its own.
 *
 * <p>Threading: the consumer's thread, but for {@link #wakeup}.
 */
public final class BackpressuredConsumer<K, V> extends ForwardingConsumer<K, V> {

    /**
     * The most that leaving the group and closing may take when the broker does not answer. With the least time of the
     * last commit it is no more than what a stop allows for beside the drain.
     */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(4);

    /** How long another thread waits for the consumer's own to answer. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(BackpressuredConsumer.class));

    private final Assignment assignment;

    private final PauseControl pauses;

    /** Whether transactions of workers commit offsets, for which they need to know the group. */
    private final boolean transactional;

    private final Leaving leave;

    private final Seeks seeks;

    private final UserCommits commits;

    private final ConsumerLife life;

    private final Turns<K, V> turns;

    private final Rebalances rebalances;

    public BackpressuredConsumer(
            Consumer<K, V> delegate,
            ConsumerSide side,
            boolean commits,
            boolean transactional,
            Duration maxPollInterval,
            CommitContent content) {
        super(delegate);
        this.assignment = new Assignment(side, this, delegate::wakeup);
        assignment.content = content;
        this.pauses = new PauseControl(assignment, delegate);
        FrontierCommitter committer = new FrontierCommitter(assignment, delegate, commits);
        this.seeks = new Seeks(assignment, this);
        this.transactional = transactional;
        this.life = new ConsumerLife(side.run.nanoTime);
        this.leave = new Leaving(assignment, delegate, pauses, committer, maxPollInterval);
        this.rebalances = new Rebalances(
                assignment,
                delegate,
                life,
                pauses,
                leave,
                (wanted, limit) -> blocking(() -> delegate.committed(wanted, limit)),
                this::tellGroup);
        this.turns = new Turns<>(
                assignment,
                delegate,
                life,
                seeks,
                List.of(
                        now -> assignment.link.calls.run(),
                        now -> seeks.apply(),
                        now -> tellGroup(),
                        now -> Turns.takeCompletions(assignment),
                        committer,
                        pauses,
                        new ConsumerWatch(assignment, pauses, delegate),
                        now -> assignment.settled(),
                        new BacklogWatch(side.run, assignment.dispatcher)));
        this.commits = new UserCommits(
                assignment, () -> life.isCalledBack() ? leave.frontiersLeft() : Map.of(), turns::leftBehind);
        if (delegate instanceof HoldingBack<K, V> holding) {
            holding.allow(assignment::allowed);
        }
    }

    /** The partitions and the work in them. */
    public Assignment work() {
        return assignment;
    }

    @Override
    public ConsumerRecords<K, V> poll(Duration timeout) {
        life.isMine();
        leave.frontiersLeft().clear();
        return turns.next(timeout);
    }

    @Override
    protected <T> T blocking(Supplier<T> call) {
        while (true) {
            try {
                return call.get();
            } catch (WakeupException e) {
                // Meant for a poll that was over when it came. The gate has kept what it was for.
                LOG.trace(e, "a wake-up came late");
            }
        }
    }

    private void tellGroup() {
        if (transactional) {
            assignment.link.facts.groupMetadata = delegate.groupMetadata();
        }
    }

    /** Hands polled records to the workers. */
    public void dispatch(ConsumerRecords<?, ?> records) {
        turns.dispatch(records);
    }

    /** Goes through the gate, as Kafka's own wake-up could hit any call before the poll that it is meant for. */
    @Override
    public void wakeup() {
        assignment.link.wakeLoop();
    }

    /** Of a partition that is being revoked, where its next owner begins: Kafka's is past what only waited. */
    @Override
    public long position(TopicPartition partition, @Nullable Duration timeout) {
        OffsetAndMetadata left = life.isForeign() ? null : leave.frontiersLeft().get(partition);
        return left == null ? super.position(partition, timeout) : left.offset();
    }

    /** The consumer's thread asks for others, and meanwhile does nothing else: so not for long. */
    @Override
    protected <T> T ask(@Nullable Duration timeout, Question<K, V, T> question) {
        if (!life.isForeign()) {
            return blocking(() -> question.ask(delegate, timeout));
        }
        Duration limit = timeout == null || timeout.compareTo(ANSWER_TIMEOUT) > 0 ? ANSWER_TIMEOUT : timeout;
        return assignment.link.calls.call(() -> blocking(() -> question.ask(delegate, limit)), limit);
    }

    @Override
    public Set<TopicPartition> paused() {
        return pauses.pausedByUser();
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {
        life.requireOwnThread();
        pauses.setPausedByUser(partitions, true);
    }

    @Override
    public void resume(Collection<TopicPartition> partitions) {
        life.requireOwnThread();
        pauses.setPausedByUser(partitions, false);
    }

    @Override
    protected Consumer<K, V> target() {
        life.requireOwnThread();
        return delegate;
    }

    private UserCommits commits() {
        life.requireOwnThread();
        return commits;
    }

    /** The frontiers: what Kafka's consumer would commit is past all that is in flight. */
    @Override
    public void commitSync() {
        commitSync(commits().frontiers());
    }

    @Override
    public void commitSync(Duration timeout) {
        commitSync(commits().frontiers(), timeout);
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        super.commitSync(commits().notPastFrontiers(offsets));
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
        super.commitSync(commits().notPastFrontiers(offsets), timeout);
    }

    @Override
    public void commitAsync() {
        commitAsync(null);
    }

    @Override
    public void commitAsync(@Nullable OffsetCommitCallback callback) {
        commitAsync(commits().frontiers(), callback);
    }

    @Override
    public void commitAsync(Map<TopicPartition, OffsetAndMetadata> offsets, @Nullable OffsetCommitCallback callback) {
        super.commitAsync(commits().notPastFrontiers(offsets), callback);
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        target().seek(partition, offset);
        seeks.to(partition, offset);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offsetAndMetadata) {
        target().seek(partition, offsetAndMetadata);
        seeks.to(partition, offsetAndMetadata.offset());
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        target().seekToBeginning(partitions);
        seeks.toUnknown(partitions.isEmpty() ? delegate.assignment() : partitions);
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        target().seekToEnd(partitions);
        seeks.toUnknown(partitions.isEmpty() ? delegate.assignment() : partitions);
    }

    @Override
    public Set<TopicPartition> assignment() {
        return life.isForeign() ? assignment.names() : rebalances.assigned();
    }

    @Override
    public void assign(Collection<TopicPartition> partitions) {
        life.requireOwnThread();
        rebalances.changed();
        delegate.assign(partitions);
        rebalances.chosen(partitions);
    }

    @Override
    public void subscribe(Collection<String> topics) {
        target().subscribe(topics, rebalances.around(null));
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener callback) {
        target().subscribe(topics, rebalances.around(callback));
    }

    @Override
    public void subscribe(Pattern pattern) {
        target().subscribe(pattern, rebalances.around(null));
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, rebalances.around(callback));
    }

    @Override
    public void subscribe(SubscriptionPattern pattern) {
        target().subscribe(pattern, rebalances.around(null));
    }

    @Override
    public void subscribe(SubscriptionPattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, rebalances.around(callback));
    }

    /** The loop calls this when it ends, and closes the consumer only if nothing is thrown. */
    @Override
    public void unsubscribe() {
        life.requireOwnThread();
        ConsumerLife.State before = life.transitionTo(ConsumerLife.State.LEAVING);
        try {
            leave.all(life.polledAt());
            delegate.unsubscribe();
        } catch (RuntimeException e) {
            LOG.warn(e, "the consumer could not unsubscribe; it leaves its group when it is closed");
        } finally {
            life.end(before);
            rebalances.changed();
        }
    }

    @Override
    public void close() {
        close(CloseOptions.timeout(CLOSE_TIMEOUT));
    }

    @Override
    @Deprecated
    @SuppressWarnings("InlineMeSuggester") // it is Kafka's
    public void close(Duration timeout) {
        close(CloseOptions.timeout(timeout));
    }

    @Override
    public void close(CloseOptions option) {
        life.requireOwnThread();
        if (life.state() != ConsumerLife.State.CLOSED) {
            life.transitionTo(ConsumerLife.State.CLOSED);
            rebalances.changed();
            leave.all(life.polledAt());
            leave.close();
        }
        try {
            delegate.close(option);
        } catch (KafkaException e) {
            LOG.warn(e, "something failed while the consumer was closed"); // it is, and the loop has more to do
        }
    }
}
