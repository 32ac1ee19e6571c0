package io.github.kafkabackpressure.listener.consume;

import java.util.Collection;
import java.util.function.Function;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.ConsumerSeekAware.ConsumerSeekCallback;

/**
 * Passes seeks on and wakes the consumer to make them. Listeners of other containers seek on the consumer's thread,
 * which makes the seek as soon as they return; here they do not, and the consumer may be in the middle of a long poll.
 *
 * <p>Threading: any thread, as with the callback behind it.
 */
final class WakingSeekCallback implements ConsumerSeekCallback {

    private final ConsumerSeekCallback callback;

    private final Runnable wakeup;

    WakingSeekCallback(ConsumerSeekCallback callback, Runnable wakeup) {
        this.callback = callback;
        this.wakeup = wakeup;
    }

    @Override
    public void seek(String topic, int partition, long offset) {
        callback.seek(topic, partition, offset);
        wakeup.run();
    }

    @Override
    public void seek(String topic, int partition, Function<Long, Long> offsetComputeFunction) {
        callback.seek(topic, partition, offsetComputeFunction);
        wakeup.run();
    }

    @Override
    public void seekToBeginning(String topic, int partition) {
        callback.seekToBeginning(topic, partition);
        wakeup.run();
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        callback.seekToBeginning(partitions);
        wakeup.run();
    }

    @Override
    public void seekToEnd(String topic, int partition) {
        callback.seekToEnd(topic, partition);
        wakeup.run();
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        callback.seekToEnd(partitions);
        wakeup.run();
    }

    @Override
    public void seekRelative(String topic, int partition, long offset, boolean toCurrent) {
        callback.seekRelative(topic, partition, offset, toCurrent);
        wakeup.run();
    }

    @Override
    public void seekToTimestamp(String topic, int partition, long timestamp) {
        callback.seekToTimestamp(topic, partition, timestamp);
        wakeup.run();
    }

    @Override
    public void seekToTimestamp(Collection<TopicPartition> topicPartitions, long timestamp) {
        callback.seekToTimestamp(topicPartitions, timestamp);
        wakeup.run();
    }

    @Override
    public @Nullable String getGroupId() {
        return callback.getGroupId();
    }
}
