package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.Ordering;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.BeanUtils;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.support.KafkaUtils;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.util.StringUtils;

/**
 * A listener container that handles records concurrently, in a chosen order, with a bounded number of them in flight.
 * It is spring-kafka's own container with two things put in: its consumers are decorated, and what its loop calls hands
 * the records over to workers. Everything else (the loop, events, rebalances, restarts) is spring-kafka's.
 *
 * <p>Threading: any thread may start, stop, pause, resume and ask it. {@code stop()} does not wait when it is called by
 * one of the listener's own workers, which would be to wait for itself.
 *
 * @param <K> the type of the keys
 * @param <V> the type of the values
 */
public class BackpressuredMessageListenerContainer<K, V> extends ConcurrentMessageListenerContainer<K, V> {

    /** How much longer than the drain a stop may take: the last commit, and leaving the group. */
    private static final Duration STOP_MARGIN = Duration.ofSeconds(5);

    /** How many polls at least the room is for, so that consumers that poll in vain leave room to the others. */
    private static final int POLLS_IN_LIMIT = 4;

    /**
     * In partition order the room is for as many polls as there are workers, since a poll brings mostly one partition's
     * records and only one of those runs at a time. Beyond so many, the polls themselves would cost too much.
     */
    private static final int MOST_POLLS_IN_LIMIT = 64;

    /**
     * How long the broker may wait for data before it answers a fetch, unless the user says something about that. A
     * consumer has one fetch under way, so a partition that is resumed waits for the one that was sent without it: with
     * Kafka's 500 ms for that long if the others have nothing.
     */
    private static final int FETCH_MAX_WAIT_MILLIS = 100;

    /** What the brokers say that commits go by; null if they need not. */
    private volatile @Nullable GroupFacts facts;

    /** What this listener does; limits that are changed while it runs hold until the application ends. */
    private volatile ListenerOptions options;

    /** From a key like {@code max-in-flight} to what set it, for messages. */
    private final UnaryOperator<String> settingNames;

    private final boolean virtualThreads;

    private final Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics>
            metricsFactory;

    private final Acknowledging acknowledging;

    /**
     * What the consumers of this container get in place of its properties; set only while it starts, under the lock.
     */
    private @Nullable ContainerProperties propertiesOfConsumers;

    private final AtomicReference<@Nullable ListenerRun> run = new AtomicReference<>();

    private final ListenerStats stats = new ListenerStats(ListenerMetrics.NOOP);

    /** What the last start failed with. */
    private volatile @Nullable Throwable startFailure;

    /** The last run, if it ended though nobody stopped it. */
    private volatile @Nullable ListenerRun failedRun;

    /** The consumers that a start has made; under the lock, and only while the container starts. */
    private final List<Consumer<K, V>> made = new ArrayList<>();

    private final ContainerOverload overload;

    BackpressuredMessageListenerContainer(
            ConsumerFactory<? super K, ? super V> consumerFactory,
            ContainerProperties containerProperties,
            ListenerOptions options,
            UnaryOperator<String> settingNames,
            boolean virtualThreads,
            Acknowledging acknowledging,
            Function<? super BackpressuredMessageListenerContainer<?, ?>, ? extends ListenerMetrics> metricsFactory) {
        super(new BackpressuredConsumerFactory<>(consumerFactory), containerProperties);
        this.options = options;
        this.settingNames = settingNames;
        this.virtualThreads = virtualThreads;
        this.acknowledging = acknowledging;
        this.metricsFactory = metricsFactory;
        this.overload = new ContainerOverload(this, options);
        decorated().setDecorator(this::decorate);
        if (keepsBytes()) {
            decorated().keepBytes();
        }
    }

    private BackpressuredConsumerFactory<K, V> decorated() {
        return (BackpressuredConsumerFactory<K, V>) consumerFactory;
    }

    /** What this listener does, all sources of settings taken together. */
    public ListenerOptions getOptions() {
        return options;
    }

    /**
     * Changes limits, now if the listener runs, and in any case for its next starts until the application ends. The new limits
     * are kept to as strictly as the old ones: what is in flight beyond them is handled, and nothing more is polled before.
     *
     * @param changes values by their keys, of {@code max-in-flight}, {@code max-in-flight-per-partition},
     *     {@code max-in-flight-bytes} (where there was such a limit) and {@code max-concurrency}
     * @throws InvalidBackpressurePropertyException if a value is impossible
     */
    public void changeLimits(Map<String, ?> changes) {
        lifecycleLock.lock();
        try {
            ListenerOptions changed = overload.current(options).withLimits(changes);
            int size = pollSize(changed);
            options = changed;
            overload.change(changed);
            ListenerRun now = run.get();
            if (now != null) {
                now.change(changed, size);
            }
            stats.timeline.add(ListenerEvent.Kind.LIMIT_CHANGED, changes.toString());
        } finally {
            lifecycleLock.unlock();
        }
    }

    /**
     * Waits until nothing is in flight.
     *
     * @param timeout how long at most
     * @return whether nothing is
     */
    public boolean awaitNothingInFlight(Duration timeout) {
        ListenerRun now = run.get();
        return now == null || now.awaitNothingInFlight(timeout);
    }

    /** What is counted; for those who watch it. */
    ListenerStats stats() {
        return stats;
    }

    /** Records polled and not finished; 0 while the container is stopped. */
    public long getInFlight() {
        ListenerRun now = run.get();
        return now == null ? 0 : now.limit.inFlight();
    }

    /**
     * Why the listener does not run although nobody has stopped it: what its start failed with, what a consumer's loop
     * ended by, or what the error handler stopped the container for. Null while it runs, after an ordinary stop, and if
     * the reason is not known.
     */
    public @Nullable Throwable getFailure() {
        Throwable ofStart = startFailure;
        ListenerRun ended = failedRun;
        return ofStart != null || ended == null ? ofStart : ended.failure();
    }

    /** How full the listener is; {@code NORMAL} while the container is stopped. */
    public BufferState getPressure() {
        return overload.state();
    }

    /** Records that the listener has dropped unhandled since the container was made, by reason. */
    public Map<DropReason, Long> getDropped() {
        return overload.dropped();
    }

    ContainerOverload overload() {
        return overload;
    }

    @Nullable ApplicationEventPublisher eventPublisher() {
        return super.getApplicationEventPublisher();
    }

    /** What the listener has in work now, and what it has been doing. Does not stop it. */
    public ListenerSnapshot snapshot() {
        ListenerSnapshot.State state = state();
        Throwable failure = state == ListenerSnapshot.State.FAILED ? getFailure() : null;
        return SnapshotReader.read(getListenerId(), state, failure, options, run.get(), stats);
    }

    private ListenerSnapshot.State state() {
        if (isRunning()) {
            return isPauseRequested() ? ListenerSnapshot.State.PAUSED : ListenerSnapshot.State.RUNNING;
        }
        if (run.get() != null) {
            return ListenerSnapshot.State.STOPPING;
        }
        return getFailure() != null || !isInExpectedState()
                ? ListenerSnapshot.State.FAILED
                : ListenerSnapshot.State.STOPPED;
    }

    @Override
    public ContainerProperties getContainerProperties() {
        return propertiesOfConsumers != null && lifecycleLock.isHeldByCurrentThread()
                ? propertiesOfConsumers
                : super.getContainerProperties();
    }

    @Override
    public @Nullable BatchInterceptor<K, V> getBatchInterceptor() {
        // The loop's batches are polls; the user's interceptor is for what the user's method gets.
        return propertiesOfConsumers != null && lifecycleLock.isHeldByCurrentThread()
                ? null
                : super.getBatchInterceptor();
    }

    @Override
    @SuppressWarnings("NullAway") // there may be no publisher though that is not marked so
    public ApplicationEventPublisher getApplicationEventPublisher() {
        ApplicationEventPublisher publisher = super.getApplicationEventPublisher();
        return publisher != null && propertiesOfConsumers != null && lifecycleLock.isHeldByCurrentThread()
                ? new IdleEvents(publisher)
                : publisher;
    }

    @Override
    protected void doStart() {
        if (isRunning()) {
            return;
        }
        startFailure = null;
        failedRun = null;
        made.clear();
        try {
            start(getContainerProperties());
        } catch (RuntimeException | Error e) {
            startFailure = e;
            throw e;
        } finally {
            propertiesOfConsumers = null;
            made.clear();
        }
    }

    private void start(ContainerProperties properties) {
        long shutdown = options.drainTimeout().plus(STOP_MARGIN).toMillis();
        properties.setShutdownTimeout(Math.max(properties.getShutdownTimeout(), shutdown));
        ListenerTargets.check(this, options);
        OverloadRules.check(this, options);
        Executor executor = executor();
        ListenerRun starting = new ListenerRun(
                options,
                pollSize(options),
                executor,
                listenerRun -> ListenerTargets.invoker(this, decorated(), listenerRun, acknowledging),
                stats,
                System::nanoTime,
                overload.signs(stats),
                overload.factory(stats, executor));
        ListenerMetrics metrics = GuardedMetrics.of(metricsFactory.apply(this));
        stats.tell(metrics);
        starting.whenClosed(metrics::close);
        if (options.rememberProgress()) {
            BrokerFacts broker = new BrokerFacts(
                    () -> ListenerTargets.admin(this), options.offsetMetadataMaxBytes(), System::nanoTime);
            starting.whenClosed(broker::close);
            facts = broker;
        }
        run.set(starting);
        try {
            propertiesOfConsumers = propertiesOfConsumers(properties, starting);
            report(starting);
            super.doStart();
        } catch (RuntimeException | Error e) {
            giveUp(starting);
            throw e;
        }
    }

    /**
     * Stops what a start has started that failed half-way: spring-kafka leaves it running. It goes on ending after this,
     * as the consumers need the lock for that which the starting thread holds.
     */
    private void giveUp(ListenerRun starting) {
        List<Consumer<K, V>> withoutLoop = made.subList(Math.min(getContainers().size(), made.size()), made.size());
        AllSteps steps = new AllSteps();
        withoutLoop.forEach(consumer -> steps.take(consumer::close));
        boolean cameToConsumers = isRunning();
        if (cameToConsumers) {
            steps.take(() -> super.doStop(() -> end(starting), false));
        }
        if (!cameToConsumers || getContainers().isEmpty()) {
            end(starting);
        }
        try {
            steps.end();
        } catch (RuntimeException | Error e) {
            logger.error(e, "What a failed start had started could not be stopped in order.");
        }
    }

    private void report(ListenerRun starting) {
        String polls = getConcurrency() + (getConcurrency() == 1 ? " consumer" : " consumers") + ", polls of at most "
                + starting.kafkasPollSize + " records"
                + (starting.kafkasPollSize < configuredMaxPollRecords()
                        ? " (max.poll.records is " + configuredMaxPollRecords() + ")"
                        : "");
        StartReport.log(getListenerId(), options, virtualThreads, polls, settingNames, STOP_MARGIN, context());
        StartWarnings.of(options, maxPollInterval(), settingNames, context())
                .forEach(warning -> logger.warn(() -> "listener '" + getListenerId() + "': " + warning));
        stats.started(polls);
    }

    private Executor executor() {
        String name = isChangeConsumerThreadName() ? getThreadNameSupplier().apply(this) : getListenerId();
        String prefix = name + "-W-";
        if (virtualThreads) {
            SimpleAsyncTaskExecutor executor = new SimpleAsyncTaskExecutor(prefix);
            executor.setVirtualThreads(true);
            executor.setTaskDecorator(this::inGroup);
            return executor;
        }
        CustomizableThreadFactory threads = new CustomizableThreadFactory(prefix);
        threads.setDaemon(true); // one that was given up must not keep the JVM alive
        return new ThreadPoolExecutor(
                0,
                Integer.MAX_VALUE,
                10,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                work -> threads.newThread(inGroup(work)));
    }

    /** Tells spring-kafka's converters the group of a worker's thread, which is a header of each message. */
    private Runnable inGroup(Runnable work) {
        String group = getGroupId();
        return () -> {
            KafkaUtils.setConsumerGroupId(group);
            try {
                work.run();
            } finally {
                KafkaUtils.clearConsumerGroupId();
            }
        };
    }

    private int pollSize(ListenerOptions options) {
        int consumers = getConcurrency();
        if (options.maxInFlight() < consumers) {
            throw new InvalidBackpressurePropertyException(
                    settingNames.apply("max-in-flight"),
                    options.maxInFlight(),
                    "at least the number of consumers (concurrency), which is " + consumers);
        }
        int polls = options.ordering() == Ordering.PARTITION
                ? Math.max(POLLS_IN_LIMIT, Math.min(options.maxConcurrency(), MOST_POLLS_IN_LIMIT))
                : POLLS_IN_LIMIT;
        int ofLimit = Math.max(1, options.maxInFlight() / polls / consumers);
        return Math.min(configuredMaxPollRecords(), ofLimit);
    }

    private Duration maxPollInterval() {
        return Duration.ofMillis(
                Long.parseLong(consumerProperty(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, "300000")));
    }

    private int configuredMaxPollRecords() {
        return Integer.parseInt(consumerProperty(
                ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(ConsumerConfig.DEFAULT_MAX_POLL_RECORDS)));
    }

    private String consumerProperty(String key, String fallback) {
        Object set = ListenerTargets.consumerProperties(this).get(key);
        return set == null ? fallback : set.toString();
    }

    /** What the loop works with: as the user set it, but for what the workers do in its place. */
    private ContainerProperties propertiesOfConsumers(ContainerProperties properties, ListenerRun starting) {
        ContainerProperties changed = copy(properties);
        changed.setAckMode(AckMode.MANUAL);
        changed.setAsyncAcks(false);
        changed.setFixTxOffsets(false); // would commit the position, which is past what is in flight
        changed.setMicrometerEnabled(false);
        changed.setRecordObservationsInBatch(false);
        changed.setKafkaAwareTransactionManager(null); // the workers' transactions span the handling of a record
        changed.setMessageListener(new DispatchingListener(listener(properties), starting));
        return changed;
    }

    private static Object listener(ContainerProperties properties) {
        Object listener = properties.getMessageListener();
        if (listener == null) {
            throw new IllegalStateException("no message listener has been set");
        }
        return listener;
    }

    private static ContainerProperties copy(ContainerProperties properties) {
        ContainerProperties copy;
        if (properties.getTopics() != null) {
            copy = new ContainerProperties(properties.getTopics());
        } else if (properties.getTopicPattern() != null) {
            copy = new ContainerProperties(properties.getTopicPattern());
        } else {
            copy = new ContainerProperties(Objects.requireNonNull(properties.getTopicPartitions()));
        }
        // Counted and timed acknowledgment means nothing here, and their unset values cannot be set.
        BeanUtils.copyProperties(
                properties,
                copy,
                "topics",
                "topicPartitions",
                "topicPattern",
                "ackCount",
                "ackTime",
                "subBatchPerPartition",
                "messageListener",
                "adviceChain");
        return copy;
    }

    /** Whether the records' own transactions commit offsets. */
    private boolean isTransactional() {
        return super.getContainerProperties().getKafkaAwareTransactionManager() != null;
    }

    private Consumer<K, V> decorate(
            @Nullable String clientIdSuffix, Properties properties, Function<Properties, Consumer<K, V>> creator) {
        ListenerRun current = run.get();
        if (current == null) {
            throw new IllegalStateException("the container is not started");
        }
        properties.setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(current.kafkasPollSize));
        if (consumerProperty(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, "").isEmpty()
                && consumerProperty(ConsumerConfig.FETCH_MIN_BYTES_CONFIG, "").isEmpty()) {
            properties.setProperty(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, String.valueOf(FETCH_MAX_WAIT_MILLIS));
        }
        boolean hasGroup = StringUtils.hasText(getGroupId())
                || StringUtils.hasText(consumerProperty(ConsumerConfig.GROUP_ID_CONFIG, ""));
        if (keepsBytes()) {
            WireConsumers.prepare(decorated(), properties);
        }
        Consumer<K, V> kafka = new HoldingBack<>(creator.apply(properties));
        made.add(kafka); // until it is decorated
        BackpressuredConsumer<K, V> decorated = new BackpressuredConsumer<>(
                kafka,
                current,
                hasGroup && !isTransactional(),
                isTransactional(),
                maxPollInterval(),
                content(current, hasGroup));
        String suffix = StringUtils.hasText(clientIdSuffix) ? clientIdSuffix : "-0";
        decorated.work().setNames(getListenerId() + suffix, clientId(kafka));
        made.set(made.size() - 1, decorated);
        return decorated;
    }

    /** Whether the bytes of records may be needed, which deserializers do not keep. */
    private boolean keepsBytes() {
        return options.overload().droppedTo() != null && options.overload().drops();
    }

    private CommitContent content(ListenerRun current, boolean hasGroup) {
        LongFunction<OffsetAndMetadata> metadata = ListenerTargets.offsetMetadata(this, super.getContainerProperties());
        GroupFacts known = facts;
        return hasGroup && !isTransactional() && known != null
                ? new RememberingCommits(current, metadata, known)
                : CommitContent.plain(metadata);
    }

    private static @Nullable String clientId(Consumer<?, ?> consumer) {
        return consumer.metrics().keySet().stream()
                .map(metric -> metric.tags().get("client-id"))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    @Override
    protected void doStop(Runnable callback, boolean normal) {
        ListenerRun stopping = run.get();
        if (stopping == null || !isRunning()) {
            // Another stop got the lock first. spring-kafka would let this one wait for a callback that never comes.
            if (stopping == null || stopping.workers.isWorkerThread()) {
                callback.run();
            } else {
                stopping.whenClosed(callback);
            }
            return;
        }
        if (!normal) {
            failedRun = stopping;
        }
        if (stopping.workers.isWorkerThread()) {
            // The listener stops itself: its record ends only after this returns, and the stop after that.
            super.doStop(() -> end(stopping), normal);
            stopping.wakeLoops();
            callback.run();
        } else {
            super.doStop(
                    () -> {
                        end(stopping);
                        callback.run();
                    },
                    normal);
            stopping.wakeLoops();
        }
    }

    @Override
    public void pause() {
        super.pause();
        wakeLoops();
    }

    @Override
    public void resume() {
        super.resume();
        wakeLoops();
    }

    @Override
    public void pausePartition(TopicPartition partition) {
        super.pausePartition(partition);
        wakeLoops();
    }

    @Override
    public void resumePartition(TopicPartition partition) {
        super.resumePartition(partition);
        wakeLoops();
    }

    @Override
    public void enforceRebalance() {
        super.enforceRebalance();
        wakeLoops();
    }

    /** spring-kafka wakes only a loop that polls already; one that has just looked would poll on for its whole timeout. */
    private void wakeLoops() {
        ListenerRun current = run.get();
        if (current != null) {
            current.wakeLoops();
        }
    }

    /** Ends the workers of a run whose consumers are closed; those that still handle a record are interrupted. */
    private void end(ListenerRun ended) {
        ended.close();
        if (run.compareAndSet(ended, null)) {
            boolean died = !isInExpectedState() && !isRunning();
            String line = stats.stopped(died);
            logger.info(() -> "listener '" + getListenerId() + "' " + (died ? "has died: " : "has stopped: ") + line);
        }
    }

    /** The consumer properties that this container's consumers are made with, before its own changes. */
    Map<String, Object> consumerConfiguration() {
        return decorated().getConfigurationProperties();
    }

    @Nullable ApplicationContext context() {
        return getApplicationContext();
    }
}
