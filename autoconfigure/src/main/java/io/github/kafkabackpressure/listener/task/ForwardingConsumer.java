package io.github.kafkabackpressure.listener.task;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.jspecify.annotations.Nullable;

/**
 * A Kafka consumer that does what another one does. Calls that only ask all go through {@link #ask}; others that block,
 * and so can be hit by a wake-up that is meant for a poll, through {@link #blocking}.
 *
 * <p>Threading: that of the consumer behind it.
 */
public class ForwardingConsumer<K, V> implements Consumer<K, V> {

    /** Kafka's own consumer. */
    protected final Consumer<K, V> delegate;

    public ForwardingConsumer(Consumer<K, V> delegate) {
        this.delegate = delegate;
    }

    /** What calls go to that only the consumer's thread may make. */
    protected Consumer<K, V> target() {
        return delegate;
    }

    /** Makes a call that blocks, but is not a poll. */
    protected <T> T blocking(Supplier<T> call) {
        return call.get();
    }

    private void blocks(Runnable call) {
        blocking(() -> {
            call.run();
            return true;
        });
    }

    /** What changes nothing, but only asks. */
    protected interface Question<K, V, T> {

        /** Asks a consumer; without a timeout, for as long as that consumer sees fit. */
        T ask(Consumer<K, V> consumer, @Nullable Duration timeout);
    }

    /** Asks what any thread may ask. */
    protected <T> T ask(@Nullable Duration timeout, Question<K, V, T> question) {
        return question.ask(delegate, timeout);
    }

    @Override
    public Set<TopicPartition> assignment() {
        return target().assignment();
    }

    @Override
    public Set<String> subscription() {
        return ask(null, (consumer, limit) -> consumer.subscription());
    }

    @Override
    public void subscribe(Collection<String> topics) {
        target().subscribe(topics);
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener callback) {
        target().subscribe(topics, callback);
    }

    @Override
    public void assign(Collection<TopicPartition> partitions) {
        target().assign(partitions);
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, callback);
    }

    @Override
    public void subscribe(Pattern pattern) {
        target().subscribe(pattern);
    }

    @Override
    public void subscribe(SubscriptionPattern pattern, ConsumerRebalanceListener callback) {
        target().subscribe(pattern, callback);
    }

    @Override
    public void subscribe(SubscriptionPattern pattern) {
        target().subscribe(pattern);
    }

    @Override
    public void unsubscribe() {
        target().unsubscribe();
    }

    @Override
    public ConsumerRecords<K, V> poll(Duration timeout) {
        return target().poll(timeout);
    }

    @Override
    public void commitSync() {
        blocks(() -> target().commitSync());
    }

    @Override
    public void commitSync(Duration timeout) {
        blocks(() -> target().commitSync(timeout));
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        blocks(() -> target().commitSync(offsets));
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
        blocks(() -> target().commitSync(offsets, timeout));
    }

    @Override
    public void commitAsync() {
        target().commitAsync();
    }

    @Override
    public void commitAsync(@Nullable OffsetCommitCallback callback) {
        target().commitAsync(callback);
    }

    @Override
    public void commitAsync(Map<TopicPartition, OffsetAndMetadata> offsets, @Nullable OffsetCommitCallback callback) {
        target().commitAsync(offsets, callback);
    }

    @Override
    public void registerMetricForSubscription(KafkaMetric metric) {
        target().registerMetricForSubscription(metric);
    }

    @Override
    public void unregisterMetricFromSubscription(KafkaMetric metric) {
        target().unregisterMetricFromSubscription(metric);
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        target().seek(partition, offset);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offsetAndMetadata) {
        target().seek(partition, offsetAndMetadata);
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        target().seekToBeginning(partitions);
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        target().seekToEnd(partitions);
    }

    @Override
    public long position(TopicPartition partition) {
        return position(partition, null);
    }

    @Override
    public long position(TopicPartition partition, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) ->
                        limit == null ? consumer.position(partition) : consumer.position(partition, limit));
    }

    @Override
    public Map<TopicPartition, OffsetAndMetadata> committed(Set<TopicPartition> partitions) {
        return committed(partitions, null);
    }

    @Override
    public Map<TopicPartition, OffsetAndMetadata> committed(
            Set<TopicPartition> partitions, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) ->
                        limit == null ? consumer.committed(partitions) : consumer.committed(partitions, limit));
    }

    @Override
    public Uuid clientInstanceId(Duration timeout) {
        return ask(timeout, (consumer, limit) -> consumer.clientInstanceId(limit == null ? timeout : limit));
    }

    @Override
    public Map<MetricName, ? extends Metric> metrics() {
        return delegate.metrics();
    }

    @Override
    public List<PartitionInfo> partitionsFor(String topic) {
        return partitionsFor(topic, null);
    }

    @Override
    public List<PartitionInfo> partitionsFor(String topic, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) ->
                        limit == null ? consumer.partitionsFor(topic) : consumer.partitionsFor(topic, limit));
    }

    @Override
    public Map<String, List<PartitionInfo>> listTopics() {
        return listTopics(null);
    }

    @Override
    public Map<String, List<PartitionInfo>> listTopics(@Nullable Duration timeout) {
        return ask(timeout, (consumer, limit) -> limit == null ? consumer.listTopics() : consumer.listTopics(limit));
    }

    @Override
    public Set<TopicPartition> paused() {
        return target().paused();
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {
        target().pause(partitions);
    }

    @Override
    public void resume(Collection<TopicPartition> partitions) {
        target().resume(partitions);
    }

    @Override
    public Map<TopicPartition, OffsetAndTimestamp> offsetsForTimes(Map<TopicPartition, Long> timestampsToSearch) {
        return offsetsForTimes(timestampsToSearch, null);
    }

    @Override
    public Map<TopicPartition, OffsetAndTimestamp> offsetsForTimes(
            Map<TopicPartition, Long> timestampsToSearch, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) -> limit == null
                        ? consumer.offsetsForTimes(timestampsToSearch)
                        : consumer.offsetsForTimes(timestampsToSearch, limit));
    }

    @Override
    public Map<TopicPartition, Long> beginningOffsets(Collection<TopicPartition> partitions) {
        return beginningOffsets(partitions, null);
    }

    @Override
    public Map<TopicPartition, Long> beginningOffsets(
            Collection<TopicPartition> partitions, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) -> limit == null
                        ? consumer.beginningOffsets(partitions)
                        : consumer.beginningOffsets(partitions, limit));
    }

    @Override
    public Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> partitions) {
        return endOffsets(partitions, null);
    }

    @Override
    public Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> partitions, @Nullable Duration timeout) {
        return ask(
                timeout,
                (consumer, limit) ->
                        limit == null ? consumer.endOffsets(partitions) : consumer.endOffsets(partitions, limit));
    }

    @Override
    public OptionalLong currentLag(TopicPartition topicPartition) {
        return ask(null, (consumer, limit) -> consumer.currentLag(topicPartition));
    }

    @Override
    public ConsumerGroupMetadata groupMetadata() {
        return ask(null, (consumer, limit) -> consumer.groupMetadata());
    }

    @Override
    public void enforceRebalance() {
        target().enforceRebalance();
    }

    @Override
    public void enforceRebalance(String reason) {
        target().enforceRebalance(reason);
    }

    @Override
    public void close() {
        target().close();
    }

    @Override
    @Deprecated
    public void close(Duration timeout) {
        target().close(timeout);
    }

    @Override
    public void close(CloseOptions option) {
        target().close(option);
    }

    @Override
    public void wakeup() {
        delegate.wakeup();
    }
}
