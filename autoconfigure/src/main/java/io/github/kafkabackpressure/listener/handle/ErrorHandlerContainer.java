package io.github.kafkabackpressure.listener.handle;

import java.util.Collection;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListenerContainer;

/**
 * The container as an error handler sees it: it no longer runs as soon as the failed record's partition is gone. Error
 * handlers look at that while they wait between attempts, so a revoke does not wait for a back-off to be over.
 *
 * <p>Threading: the worker that calls the error handler, and whatever thread that stops the container by it.
 */
final class ErrorHandlerContainer implements MessageListenerContainer {

    private final MessageListenerContainer container;

    private final BooleanSupplier goneAway;

    private volatile boolean stopRequested;

    ErrorHandlerContainer(MessageListenerContainer container, BooleanSupplier goneAway) {
        this.container = container;
        this.goneAway = goneAway;
    }

    /** Whether the error handler has stopped the container. */
    boolean isStopRequested() {
        return stopRequested;
    }

    @Override
    public boolean isRunning() {
        return container.isRunning() && !goneAway.getAsBoolean();
    }

    @Override
    public void stop() {
        stopRequested = true;
        container.stop();
    }

    @Override
    public void stop(Runnable callback) {
        stopRequested = true;
        container.stop(callback);
    }

    @Override
    public void stopAbnormally(Runnable callback) {
        stopRequested = true;
        container.stopAbnormally(callback);
    }

    @Override
    public void start() {
        container.start();
    }

    @Override
    public void destroy() {
        stop();
    }

    @Override
    public int getPhase() {
        return container.getPhase();
    }

    @Override
    public boolean isAutoStartup() {
        return container.isAutoStartup();
    }

    @Override
    public void setAutoStartup(boolean autoStartup) {
        container.setAutoStartup(autoStartup);
    }

    @Override
    public void setupMessageListener(Object messageListener) {
        container.setupMessageListener(messageListener);
    }

    @Override
    public Map<String, Map<MetricName, ? extends Metric>> metrics() {
        return container.metrics();
    }

    @Override
    public ContainerProperties getContainerProperties() {
        return container.getContainerProperties();
    }

    @Override
    public @Nullable Collection<TopicPartition> getAssignedPartitions() {
        return container.getAssignedPartitions();
    }

    @Override
    public @Nullable Map<String, Collection<TopicPartition>> getAssignmentsByClientId() {
        return container.getAssignmentsByClientId();
    }

    @Override
    public void enforceRebalance() {
        container.enforceRebalance();
    }

    @Override
    public void pause() {
        container.pause();
    }

    @Override
    public void resume() {
        container.resume();
    }

    @Override
    public void pausePartition(TopicPartition partition) {
        container.pausePartition(partition);
    }

    @Override
    public void resumePartition(TopicPartition partition) {
        container.resumePartition(partition);
    }

    @Override
    public boolean isPartitionPauseRequested(TopicPartition partition) {
        return container.isPartitionPauseRequested(partition);
    }

    @Override
    public boolean isPartitionPaused(TopicPartition partition) {
        return container.isPartitionPaused(partition);
    }

    @Override
    public boolean isPauseRequested() {
        return container.isPauseRequested();
    }

    @Override
    public boolean isContainerPaused() {
        return container.isContainerPaused();
    }

    @Override
    public @Nullable String getGroupId() {
        return container.getGroupId();
    }

    @Override
    public String getListenerId() {
        return container.getListenerId();
    }

    @Override
    public @Nullable String getMainListenerId() {
        return container.getMainListenerId();
    }

    @Override
    @SuppressWarnings("NullAway") // it may be null though not marked so
    public byte[] getListenerInfo() {
        return container.getListenerInfo();
    }

    @Override
    public boolean isChildRunning() {
        return container.isChildRunning();
    }

    @Override
    public boolean isInExpectedState() {
        return container.isInExpectedState();
    }
}
