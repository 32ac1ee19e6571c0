package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ForwardingConsumer;
import io.github.kafkabackpressure.listener.task.RecordTask;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * The consumer as an error handler sees it. With other containers an error handler moves the consumer: it seeks to what
 * is to come again, commits what it has recovered, pauses and polls while it waits. Here others are in work in the same
 * partition, so none of that is done; what was asked for is kept and says which records come again. Only a seek to another
 * place than one of these records is made, by the consumer's thread.
 *
 * <p>Threading: the worker that calls the error handler.
 */
@SuppressWarnings("unchecked")
final class ErrorHandlerConsumer extends ForwardingConsumer<Object, Object> {

    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);

    private final ConsumerLink owner;

    /** The records that the error handler is asked about. */
    private final List<RecordTask> tasks;

    private final Map<TopicPartition, Long> sought = new HashMap<>();

    private final Map<TopicPartition, Long> committed = new HashMap<>();

    ErrorHandlerConsumer(List<RecordTask> tasks) {
        super((Consumer<Object, Object>) tasks.get(0).partition.owner.facts.consumer());
        this.owner = tasks.get(0).partition.owner;
        this.tasks = tasks;
    }

    /** Whether the error handler moved the consumer back to a record or before it. */
    boolean wantsAgain(ConsumerRecord<?, ?> record) {
        Long offset = sought.get(new TopicPartition(record.topic(), record.partition()));
        return offset != null && offset <= record.offset();
    }

    /** Whether the error handler moved the consumer past a record, or committed it. */
    boolean hasPassed(ConsumerRecord<?, ?> record) {
        TopicPartition partition = new TopicPartition(record.topic(), record.partition());
        Long offset = sought.getOrDefault(partition, committed.get(partition));
        return offset != null && offset > record.offset();
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        sought.put(partition, offset);
        if (leadsElsewhere(partition, offset)) {
            askToSeek(() -> delegate.seek(partition, offset));
        }
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offsetAndMetadata) {
        seek(partition, offsetAndMetadata.offset());
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        soughtTo(partitions, 0);
        askToSeek(() -> delegate.seekToBeginning(partitions));
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        soughtTo(partitions, Long.MAX_VALUE);
        askToSeek(() -> delegate.seekToEnd(partitions));
    }

    private void soughtTo(Collection<TopicPartition> partitions, long offset) {
        (partitions.isEmpty() ? delegate.assignment() : partitions).forEach(partition -> sought.put(partition, offset));
    }

    /** Whether a seek is to more than the failed records: before the first one, or past the one after the last. */
    private boolean leadsElsewhere(TopicPartition partition, long offset) {
        long first = Long.MAX_VALUE;
        long last = -1;
        for (RecordTask task : tasks) {
            if (task.partition.partition.equals(partition)) {
                first = Math.min(first, task.record.offset());
                last = Math.max(last, task.record.offset());
            }
        }
        return offset < first || offset > last + 1;
    }

    private void askToSeek(Runnable seek) {
        owner.calls.call(
                () -> {
                    seek.run();
                    return true;
                },
                ANSWER_TIMEOUT);
    }

    @Override
    public void commitSync() {}

    @Override
    public void commitSync(Duration timeout) {}

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        offsets.forEach((partition, offset) -> committed.put(partition, offset.offset()));
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
        commitSync(offsets);
    }

    @Override
    public void commitAsync() {}

    @Override
    public void commitAsync(@Nullable OffsetCommitCallback callback) {}

    @Override
    public void commitAsync(Map<TopicPartition, OffsetAndMetadata> offsets, @Nullable OffsetCommitCallback callback) {
        commitSync(offsets);
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {}

    @Override
    public void resume(Collection<TopicPartition> partitions) {}

    @Override
    public ConsumerRecords<Object, Object> poll(Duration timeout) {
        return ConsumerRecords.empty(); // the consumer's own thread keeps polling
    }

    @Override
    public List<PartitionInfo> partitionsFor(String topic, @Nullable Duration timeout) {
        return owner.facts.partitionsFor(topic, timeout == null ? ANSWER_TIMEOUT : timeout);
    }
}
