package io.github.kafkabackpressure.listener.consume;

import io.github.kafkabackpressure.listener.task.ForwardingConsumer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A consumer whose polls may bring fewer records than Kafka's, whose {@code max.poll.records} stays what it was made with:
 * a limit may be lowered below that while the listener runs. What a poll brings too many is held back, as if it had not
 * been fetched yet, and given out before anything else is polled. While nothing is held back this costs nothing.
 *
 * <p>Threading: the consumer's thread.
 */
public final class HoldingBack<K, V> extends ForwardingConsumer<K, V> {

    /** What is held back of a partition, and where the consumer stands after it. */
    private record Held<K, V>(List<ConsumerRecord<K, V>> records, OffsetAndMetadata next) {}

    private final Map<TopicPartition, Held<K, V>> held = new LinkedHashMap<>();

    private IntSupplier allowed = () -> Integer.MAX_VALUE;

    /** @param delegate Kafka's own consumer */
    public HoldingBack(Consumer<K, V> delegate) {
        super(delegate);
    }

    /** Sets how many records a poll may bring at the moment when it is over. */
    public void allow(IntSupplier records) {
        allowed = records;
    }

    @Override
    public ConsumerRecords<K, V> poll(Duration timeout) {
        if (!held.isEmpty()) {
            Set<TopicPartition> paused = delegate.paused();
            if (!paused.containsAll(held.keySet())) {
                return give(paused);
            }
        }
        ConsumerRecords<K, V> polled = delegate.poll(timeout);
        if (held.isEmpty() && polled.count() <= allowed.getAsInt()) {
            return polled;
        }
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>(polled.nextOffsets());
        for (TopicPartition partition : polled.partitions()) {
            List<ConsumerRecord<K, V>> records = polled.records(partition);
            OffsetAndMetadata after = next.remove(partition);
            if (!records.isEmpty()) {
                long last = records.get(records.size() - 1).offset();
                held.put(partition, new Held<>(records, after == null ? new OffsetAndMetadata(last + 1) : after));
            }
        }
        ConsumerRecords<K, V> given = give(delegate.paused());
        next.putAll(given.nextOffsets());
        return new ConsumerRecords<>(records(given), next);
    }

    private static <K, V> Map<TopicPartition, List<ConsumerRecord<K, V>>> records(ConsumerRecords<K, V> given) {
        Map<TopicPartition, List<ConsumerRecord<K, V>>> records = new LinkedHashMap<>();
        given.partitions().forEach(partition -> records.put(partition, given.records(partition)));
        return records;
    }

    /** Gives out as many as are allowed of what is held back of partitions that are not paused. */
    private ConsumerRecords<K, V> give(Set<TopicPartition> paused) {
        int left = allowed.getAsInt();
        Map<TopicPartition, List<ConsumerRecord<K, V>>> given = new LinkedHashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        for (TopicPartition partition : List.copyOf(held.keySet())) {
            Held<K, V> of = held.get(partition);
            if (of == null || left <= 0 || paused.contains(partition)) {
                continue;
            }
            int count = Math.min(left, of.records().size());
            left -= count;
            given.put(partition, of.records().subList(0, count));
            if (count == of.records().size()) {
                held.remove(partition);
                next.put(partition, of.next());
            } else {
                List<ConsumerRecord<K, V>> rest =
                        new ArrayList<>(of.records().subList(count, of.records().size()));
                held.put(partition, new Held<>(rest, of.next()));
                next.put(partition, new OffsetAndMetadata(rest.get(0).offset()));
            }
        }
        return new ConsumerRecords<>(given, next);
    }

    @Override
    public long position(TopicPartition partition, @Nullable Duration timeout) {
        Held<K, V> of = held.get(partition);
        return of == null
                ? super.position(partition, timeout)
                : of.records().get(0).offset();
    }

    /** What is held back has still to come. */
    @Override
    public OptionalLong currentLag(TopicPartition partition) {
        OptionalLong lag = super.currentLag(partition);
        Held<K, V> of = held.get(partition);
        return of == null || lag.isEmpty()
                ? lag
                : OptionalLong.of(lag.getAsLong()
                        + of.next().offset()
                        - of.records().get(0).offset());
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        super.seek(partition, offset);
        held.remove(partition);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offsetAndMetadata) {
        super.seek(partition, offsetAndMetadata);
        held.remove(partition);
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        super.seekToBeginning(partitions);
        forget(partitions.isEmpty() ? delegate.assignment() : partitions);
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        super.seekToEnd(partitions);
        forget(partitions.isEmpty() ? delegate.assignment() : partitions);
    }

    @Override
    public void assign(Collection<TopicPartition> partitions) {
        super.assign(partitions);
        held.keySet().retainAll(partitions);
    }

    @Override
    public void unsubscribe() {
        held.clear();
        super.unsubscribe();
    }

    @Override
    public void close() {
        held.clear();
        super.close();
    }

    @Override
    public void close(CloseOptions option) {
        held.clear();
        super.close(option);
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener callback) {
        super.subscribe(topics, new Forgetting(callback));
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener callback) {
        super.subscribe(pattern, new Forgetting(callback));
    }

    @Override
    public void subscribe(SubscriptionPattern pattern, ConsumerRebalanceListener callback) {
        super.subscribe(pattern, new Forgetting(callback));
    }

    private void forget(Collection<TopicPartition> partitions) {
        partitions.forEach(held::remove);
    }

    /** Forgets what is held back of partitions that leave: their next owner gets it. */
    private final class Forgetting implements ConsumerRebalanceListener {

        private final ConsumerRebalanceListener callback;

        Forgetting(ConsumerRebalanceListener callback) {
            this.callback = callback;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            forget(partitions);
            callback.onPartitionsRevoked(partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            forget(partitions);
            callback.onPartitionsLost(partitions);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            callback.onPartitionsAssigned(partitions);
        }
    }
}
