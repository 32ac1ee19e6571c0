package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import io.github.kafkabackpressure.listener.consume.IdleEvents;
import io.github.kafkabackpressure.listener.handle.Acknowledging;
import io.github.kafkabackpressure.listener.task.AllSteps;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;

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

    /** What this listener does; limits that are changed while it runs hold until the application ends. */
    private volatile ListenerOptions options;

    /** What its consumers get in place of its properties; set only while it starts, under the lock. */
    private @Nullable ContainerProperties propertiesOfConsumers;

    private final ContainerRuns runs = new ContainerRuns();

    private final ListenerStats stats = new ListenerStats(ListenerMetrics.NOOP);

    private final ContainerParts parts;

    private final ConsumerMaker<K, V> consumers;

    private final ContainerOverload overload;

    private final RunMaker maker;

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
        this.parts = new ContainerParts(this, decorated(), this::getApplicationContext);
        this.consumers = new ConsumerMaker<>(parts, options.overload(), settingNames, this::isTransactional);
        this.overload = new ContainerOverload(parts, options, this::publish, this::getInFlight);
        this.maker = new RunMaker(
                parts,
                consumers,
                overload,
                acknowledging,
                virtualThreads,
                settingNames,
                stats,
                () -> metricsFactory.apply(this));
        decorated().setDecorator(this::decorate);
        if (consumers.keepsBytes()) {
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
            ListenerOptions changed = ChangedLimits.of(overload.current(options), changes);
            int size = consumers.pollSize(changed);
            options = changed;
            overload.change(changed);
            runs.ifPresent(now -> now.change(changed, size));
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
        return runs.awaitNothingInFlight(timeout);
    }

    /** What is counted; for those who watch it. */
    ListenerStats stats() {
        return stats;
    }

    /** Records polled and not finished; 0 while the container is stopped. */
    public long getInFlight() {
        return runs.inFlight();
    }

    /**
     * Why the listener does not run although nobody has stopped it: what its start failed with, what a consumer's loop
     * ended by, or what the error handler stopped the container for. Null while it runs, after an ordinary stop, and if
     * the reason is not known.
     */
    public @Nullable Throwable getFailure() {
        return runs.failure();
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

    ContainerParts parts() {
        return parts;
    }

    private void publish(Object event) {
        ApplicationEventPublisher publisher = super.getApplicationEventPublisher();
        if (publisher != null) {
            publisher.publishEvent(event);
        }
    }

    /** What the listener has in work now, and what it has been doing. Does not stop it. */
    public ListenerSnapshot snapshot() {
        ListenerSnapshot.State state = state();
        Throwable failure = state == ListenerSnapshot.State.FAILED ? getFailure() : null;
        return SnapshotReader.read(getListenerId(), state, failure, overload.current(options), runs.present(), stats);
    }

    private ListenerSnapshot.State state() {
        if (isRunning()) {
            return isPauseRequested() ? ListenerSnapshot.State.PAUSED : ListenerSnapshot.State.RUNNING;
        }
        if (runs.present() != null) {
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
        runs.begin();
        consumers.begin();
        try {
            start(getContainerProperties());
        } catch (RuntimeException | Error e) {
            runs.startFailed(e);
            throw e;
        } finally {
            propertiesOfConsumers = null;
            consumers.begin();
        }
    }

    private void start(ContainerProperties properties) {
        properties.setShutdownTimeout(Math.max(properties.getShutdownTimeout(), RunMaker.stopMillis(options)));
        String name = isChangeConsumerThreadName() ? getThreadNameSupplier().apply(this) : getListenerId();
        ContainerRun starting = maker.make(options, name);
        runs.started(starting);
        try {
            propertiesOfConsumers = LoopProperties.of(properties, starting.side);
            maker.report(starting, options, logger);
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
    private void giveUp(ContainerRun starting) {
        List<Consumer<K, V>> made = consumers.made();
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

    /** Whether the records' own transactions commit offsets. */
    private boolean isTransactional() {
        return super.getContainerProperties().getKafkaAwareTransactionManager() != null;
    }

    private Consumer<K, V> decorate(
            @Nullable String clientIdSuffix, Properties properties, Function<Properties, Consumer<K, V>> creator) {
        ContainerRun current = runs.present();
        if (current == null) {
            throw new IllegalStateException("the container is not started");
        }
        return consumers.make(current, clientIdSuffix, properties, creator);
    }

    @Override
    protected void doStop(Runnable callback, boolean normal) {
        ContainerRun stopping = runs.present();
        if (stopping == null || !isRunning()) {
            // Another stop got the lock first. spring-kafka would let this one wait for a callback that never comes.
            if (stopping == null || stopping.run.workers.isWorkerThread()) {
                callback.run();
            } else {
                stopping.whenClosed(callback);
            }
            return;
        }
        if (!normal) {
            runs.died(stopping);
        }
        // If the listener stops itself, its record ends only after this returns, and the stop after that.
        boolean stopsItself = stopping.run.workers.isWorkerThread();
        super.doStop(
                () -> {
                    end(stopping);
                    if (!stopsItself) {
                        callback.run();
                    }
                },
                normal);
        stopping.run.wakeLoops();
        if (stopsItself) {
            callback.run();
        }
    }

    @Override
    public void pause() {
        super.pause();
        runs.wakeLoops();
    }

    @Override
    public void resume() {
        super.resume();
        runs.wakeLoops();
    }

    @Override
    public void pausePartition(TopicPartition partition) {
        super.pausePartition(partition);
        runs.wakeLoops();
    }

    @Override
    public void resumePartition(TopicPartition partition) {
        super.resumePartition(partition);
        runs.wakeLoops();
    }

    @Override
    public void enforceRebalance() {
        super.enforceRebalance();
        runs.wakeLoops();
    }

    /** Ends the workers of a run whose consumers are closed; those that still handle a record are interrupted. */
    private void end(ContainerRun ended) {
        if (runs.end(ended)) {
            boolean died = !isInExpectedState() && !isRunning();
            String line = stats.stopped(died);
            logger.info(() -> "listener '" + getListenerId() + "' " + (died ? "has died: " : "has stopped: ") + line);
        }
    }
}
