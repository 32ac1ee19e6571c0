package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
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
final class BackpressuredConsumer<K, V> extends ForwardingConsumer<K, V> {

    /** How long to poll while a partition is paused for its share only: what decides on that has no signal. */
    private static final long SHARE_CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /** How long to poll while a partition is paused for what is held up in it: much of what ends that has no signal. */
    private static final long HELD_CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** How long to poll while records wait for a worker, or for another record of their slice, that might hang. */
    private static final long BACKLOG_CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /**
     * The most that leaving the group and closing may take when the broker does not answer. With the least time of the
     * last commit it is no more than what a stop allows for beside the drain.
     */
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(4);

    /** How long another thread waits for the consumer's own to answer. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(BackpressuredConsumer.class));

    private final ListenerRun run;

    private final Assignment assignment;

    private final PauseControl pauses;

    private final FrontierCommitter committer;

    private final ConsumerWatch watch;

    /** Whether transactions of workers commit offsets, for which they need to know the group. */
    private final boolean transactional;

    private final Leaving leave;

    /** When the loop was last known to be in a poll, on the run's clock. */
    private long polledAt;

    private @Nullable Thread thread;

    private final Seeks seeks;

    private final UserCommits commits;

    /** What a poll has returned and nobody has handed to the workers yet. */
    private @Nullable ConsumerRecords<K, V> leftBehind;

    /** Whether the last poll was cut short by a worker: then the next one is a real one that nobody can cut short. */
    private boolean cutShort;

    private boolean closed;

    /** What Kafka's consumer has assigned, which copies it for each caller; null when it may have changed. */
    private @Nullable Set<TopicPartition> assigned;

    /** How many of Kafka's callbacks are running: meanwhile what is assigned changes. */
    private int callbacks;

    /** Where partitions were left that Kafka is about to take away. */
    private final Map<TopicPartition, OffsetAndMetadata> frontiersLeft = new HashMap<>();

    /** Whether Kafka's callbacks come from leaving the group rather than from a poll. */
    private boolean leaving;

    BackpressuredConsumer(
            Consumer<K, V> delegate,
            ListenerRun run,
            boolean commits,
            boolean transactional,
            Duration maxPollInterval,
            CommitContent content) {
        super(delegate);
        this.run = run;
        this.assignment = new Assignment(run, this, delegate::wakeup);
        assignment.content = content;
        this.pauses = new PauseControl(assignment, delegate);
        this.committer = new FrontierCommitter(assignment, delegate, commits);
        this.seeks = new Seeks(assignment, this);
        this.commits = new UserCommits(assignment, () -> callbacks > 0 ? frontiersLeft : Map.of(), () -> leftBehind);
        if (delegate instanceof HoldingBack<K, V> holding) {
            holding.allow(assignment::allowed);
        }
        this.watch = new ConsumerWatch(assignment, pauses, delegate);
        this.transactional = transactional;
        this.leave = new Leaving(assignment, delegate, pauses, committer, maxPollInterval, frontiersLeft);
        this.polledAt = run.nanoTime.getAsLong();
    }

    /** The partitions and the work in them. */
    Assignment work() {
        return assignment;
    }

    @Override
    public ConsumerRecords<K, V> poll(Duration timeout) {
        requireOwnThread();
        thread = Thread.currentThread();
        assignment.gate.beginTick();
        boolean loopIsAsked = assignment.takeLoopIsAsked();
        assignment.throwFailure();
        frontiersLeft.clear();
        handOverLeftBehind();
        assignment.calls.run();
        seeks.apply();
        tellGroup();
        takeCompletions();
        committer.tick();
        pauses.update();
        watch.tick(polledAt);
        assignment.settled();
        run.workers.nudge();
        ConsumerRecords<K, V> records = pollOnce(loopIsAsked ? Duration.ZERO : timeout);
        leftBehind = records.isEmpty() ? null : records;
        seeks.applyAfterPoll();
        if (records.isEmpty()) {
            assignment.moveTo(records.nextOffsets());
        }
        return records;
    }

    /** Makes good for a loop in which something threw an exception after a poll: Kafka does not give its records again. */
    private void handOverLeftBehind() {
        ConsumerRecords<K, V> records = leftBehind;
        if (records != null) {
            dispatch(records);
        }
    }

    private ConsumerRecords<K, V> pollOnce(Duration timeout) {
        boolean wakeable = !cutShort && assignment.gate.enterPoll();
        cutShort = false;
        try {
            ConsumerRecords<K, V> records = delegate.poll(wakeable ? atMost(timeout) : Duration.ZERO);
            assignment.pollFailed(null);
            return records;
        } catch (WakeupException e) {
            cutShort = wakeable;
            return ConsumerRecords.empty();
        } catch (RuntimeException | Error e) {
            assignment.pollFailed(e);
            throw e;
        } finally {
            assignment.gate.leavePoll();
            polledAt = run.nanoTime.getAsLong(); // also of a poll that failed: the next drain has all of its time
        }
    }

    private Duration atMost(Duration timeout) {
        long nanos = Math.min(Nanos.of(timeout), committer.nanosToNextCommit());
        if (pauses.hasPausedForShare()) {
            nanos = Math.min(nanos, SHARE_CHECK_NANOS);
        }
        if (pauses.hasPausedForHeldRecords()) {
            nanos = Math.min(nanos, HELD_CHECK_NANOS);
        }
        if (assignment.dispatcher.hasSlices() || run.workers.hasBacklog()) {
            nanos = Math.min(nanos, BACKLOG_CHECK_NANOS);
        }
        return Nanos.roundedUp(nanos);
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
            assignment.groupMetadata = delegate.groupMetadata();
        }
    }

    private void takeCompletions() {
        try {
            assignment.takeCompletions();
        } catch (RuntimeException e) {
            throw notHandedOver(e);
        }
    }

    /** Hands polled records to the workers. */
    void dispatch(ConsumerRecords<?, ?> records) {
        leftBehind = null;
        try {
            assignment.dispatch(records);
        } catch (RuntimeException e) {
            throw notHandedOver(e);
        }
    }

    /** What stops the container: an exception would have the loop hand over the same records once more. */
    private static Error notHandedOver(RuntimeException cause) {
        return new Error("records could not be handed to the workers", cause);
    }

    /** Goes through the gate, as Kafka's own wake-up could hit any call before the poll that it is meant for. */
    @Override
    public void wakeup() {
        assignment.wakeLoop();
    }

    /** Of a partition that is being revoked, where its next owner begins: Kafka's is past what only waited. */
    @Override
    public long position(TopicPartition partition) {
        OffsetAndMetadata left = isForeign() ? null : frontiersLeft.get(partition);
        return left == null ? super.position(partition) : left.offset();
    }

    @Override
    public long position(TopicPartition partition, Duration timeout) {
        OffsetAndMetadata left = isForeign() ? null : frontiersLeft.get(partition);
        return left == null ? super.position(partition, timeout) : left.offset();
    }

    /** The consumer's thread asks for others, and meanwhile does nothing else: so not for long. */
    @Override
    protected <T> T ask(@Nullable Duration timeout, Question<K, V, T> question) {
        if (!isForeign()) {
            return blocking(() -> question.ask(delegate, timeout));
        }
        Duration limit = timeout == null || timeout.compareTo(ANSWER_TIMEOUT) > 0 ? ANSWER_TIMEOUT : timeout;
        return assignment.calls.call(() -> blocking(() -> question.ask(delegate, limit)), limit);
    }

    @Override
    public Set<TopicPartition> paused() {
        return pauses.pausedByUser();
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {
        requireOwnThread();
        pauses.setPausedByUser(partitions, true);
    }

    @Override
    public void resume(Collection<TopicPartition> partitions) {
        requireOwnThread();
        pauses.setPausedByUser(partitions, false);
    }

    /** Whether the caller is another thread than that of the loop, so one that handles records. */
    private boolean isForeign() {
        return thread != null && thread != Thread.currentThread();
    }

    /**
     * Refuses calls by other threads. Kafka's consumer refuses them only while it works, and else works for them,
     * meanwhile refusing its own thread.
     */
    private void requireOwnThread() {
        if (isForeign()) {
            throw new IllegalStateException("Kafka's consumer serves its own thread only, and not one that handles"
                    + " records. Commits follow from the end of the method or the Acknowledgment; seek by"
                    + " ConsumerSeekAware; pause and resume by the listener's container.");
        }
    }

    @Override
    protected Consumer<K, V> target() {
        requireOwnThread();
        return delegate;
    }

    /** The frontiers: what Kafka's consumer would commit is past all that is in flight. */
    @Override
    public void commitSync() {
        requireOwnThread();
        commitSync(commits.frontiers());
    }

    @Override
    public void commitSync(Duration timeout) {
        requireOwnThread();
        commitSync(commits.frontiers(), timeout);
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        requireOwnThread();
        super.commitSync(commits.notPastFrontiers(offsets));
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
        requireOwnThread();
        super.commitSync(commits.notPastFrontiers(offsets), timeout);
    }

    @Override
    public void commitAsync() {
        commitAsync(null);
    }

    @Override
    public void commitAsync(@Nullable OffsetCommitCallback callback) {
        requireOwnThread();
        commitAsync(commits.frontiers(), callback);
    }

    @Override
    public void commitAsync(Map<TopicPartition, OffsetAndMetadata> offsets, @Nullable OffsetCommitCallback callback) {
        requireOwnThread();
        super.commitAsync(commits.notPastFrontiers(offsets), callback);
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

    /** The loop asks for this twice in each turn, so it must not cost more with more partitions. */
    @Override
    public Set<TopicPartition> assignment() {
        if (isForeign()) {
            return assignment.partitions();
        }
        if (thread == null || callbacks > 0 || closed) {
            return delegate.assignment();
        }
        Set<TopicPartition> known = assigned;
        if (known == null) {
            known = delegate.assignment();
            assigned = known;
        }
        return known;
    }

    /** Starts the work of partitions that are newly assigned, with what their last owners have finished of it. */
    private void begin(Collection<TopicPartition> partitions) {
        List<PartitionWork> added = assignment.assigned(partitions);
        assignment.content.recall(added, (wanted, limit) -> blocking(() -> delegate.committed(wanted, limit)));
        pauses.assigned(added);
    }

    @Override
    public void assign(Collection<TopicPartition> partitions) {
        requireOwnThread();
        assigned = null;
        delegate.assign(partitions);
        List<PartitionWork> gone = assignment.works().stream()
                .filter(work -> !partitions.contains(work.partition))
                .toList();
        leave.remove(gone);
        begin(partitions);
    }

    @Override
    public void subscribe(Collection<String> topics) {
        target().subscribe(topics, new DrainingRebalanceListener(null));
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener callback) {
        target().subscribe(topics, new DrainingRebalanceListener(callback));
    }

    @Override
    public void subscribe(Pattern pattern) {
        target().subscribe(pattern, new DrainingRebalanceListener(null));
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, new DrainingRebalanceListener(callback));
    }

    @Override
    public void subscribe(SubscriptionPattern pattern) {
        target().subscribe(pattern, new DrainingRebalanceListener(null));
    }

    @Override
    public void subscribe(SubscriptionPattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, new DrainingRebalanceListener(callback));
    }

    /** The loop calls this when it ends, and closes the consumer only if nothing is thrown. */
    @Override
    public void unsubscribe() {
        requireOwnThread();
        leaving = true;
        try {
            leave.all(polledAt);
            delegate.unsubscribe();
        } catch (RuntimeException e) {
            LOG.warn(e, "the consumer could not unsubscribe; it leaves its group when it is closed");
        } finally {
            leaving = false;
            assigned = null;
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
        requireOwnThread();
        if (!closed) {
            closed = true;
            assigned = null;
            leaving = true;
            leave.all(polledAt);
            leave.close();
        }
        try {
            delegate.close(option);
        } catch (KafkaException e) {
            LOG.warn(e, "something failed while the consumer was closed"); // it is, and the loop has more to do
        }
    }

    private List<PartitionWork> works(Collection<TopicPartition> partitions) {
        return assignment.works().stream()
                .filter(work -> partitions.contains(work.partition))
                .toList();
    }

    /** Ends and starts the work of partitions before the loop's own listener hears of it. */
    private final class DrainingRebalanceListener implements ConsumerRebalanceListener {

        private final @Nullable ConsumerRebalanceListener listener;

        DrainingRebalanceListener(@Nullable ConsumerRebalanceListener listener) {
            this.listener = listener;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            outsideOfPoll(() -> {
                run.metrics.rebalanced(ListenerEvent.Kind.REVOKED, partitions);
                AllSteps steps = new AllSteps();
                steps.take(() -> leave.revoked(works(partitions), polledAt));
                if (listener != null) {
                    steps.take(() -> listener.onPartitionsRevoked(partitions));
                }
                steps.end();
            });
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            outsideOfPoll(() -> {
                run.metrics.rebalanced(ListenerEvent.Kind.LOST, partitions);
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
                frontiersLeft.clear();
                run.metrics.rebalanced(ListenerEvent.Kind.ASSIGNED, partitions);
                begin(partitions);
                tellGroup();
                if (listener != null) {
                    listener.onPartitionsAssigned(partitions);
                }
            });
        }

        /** Kafka calls back inside of a poll. Workers must not wake that: it would hit the calls that are made here. */
        private void outsideOfPoll(Runnable callback) {
            assignment.gate.leavePoll();
            polledAt = run.nanoTime.getAsLong(); // Kafka, too, counts its interval anew while it polls
            assigned = null;
            callbacks++;
            try {
                callback.run();
            } finally {
                callbacks--;
                if (!leaving && !assignment.gate.enterPoll()) {
                    delegate.wakeup(); // somebody signalled meanwhile: the rest of this poll must not block
                }
            }
        }
    }
}
