package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.progress.CommitMetadata;
import io.github.kafkabackpressure.progress.OffsetRanges;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetCommitCallback;
import org.apache.kafka.common.TopicPartition;

/**
 * Kafka as a consumer sees it, moved by hand: a log for each partition that keeps its records, the group's committed
 * offsets, which outlast an assignment, and rebalances that take partitions away in either way. As Kafka's own does, it
 * goes on from the committed offset where a partition is assigned anew, and brings no records of what is paused.
 *
 * <p>Threading: the test's thread.
 */
public class SteppedKafka extends MockConsumer<Object, String> {

    public final Map<TopicPartition, NavigableMap<Long, ConsumerRecord<Object, String>>> logs = new HashMap<>();

    public final Map<TopicPartition, OffsetAndMetadata> groupOffsets = new HashMap<>();

    private final int maxPollRecords;

    /** What is paused; unlike the one that is extended here, Kafka's forgets that of a partition which leaves. */
    private final Set<TopicPartition> paused = new HashSet<>();

    private int firstOfPoll;

    private boolean losing;

    private final List<Runnable> lateAnswers = new ArrayList<>();

    private boolean answersLate;

    /** What fails the next commit; null if it succeeds. */
    private RuntimeException commitFailure;

    public SteppedKafka(int maxPollRecords, Collection<TopicPartition> partitions) {
        super("earliest");
        this.maxPollRecords = maxPollRecords;
        Map<TopicPartition, Long> beginnings = new HashMap<>();
        for (TopicPartition partition : partitions) {
            logs.put(partition, new TreeMap<>());
            beginnings.put(partition, 0L);
        }
        updateBeginningOffsets(beginnings);
    }

    /** Appends a record to a partition's log; offsets may have holes. */
    public void append(TopicPartition partition, long offset, Object key) {
        logs.get(partition)
                .put(offset, new ConsumerRecord<>(partition.topic(), partition.partition(), offset, key, "value"));
    }

    /** The offset after the last record of a partition. */
    public long end(TopicPartition partition) {
        var log = logs.get(partition);
        return log.isEmpty() ? 0 : log.lastKey() + 1;
    }

    public long groupOffset(TopicPartition partition) {
        OffsetAndMetadata offset = groupOffsets.get(partition);
        return offset == null ? 0 : offset.offset();
    }

    /** Goes on where another consumer of the group has crashed. */
    public void takeOver(SteppedKafka crashed) {
        logs.putAll(crashed.logs);
        groupOffsets.putAll(crashed.groupOffsets);
    }

    /** What the group's commit remembers of a partition beyond its offset. */
    public OffsetRanges remembered(TopicPartition partition) {
        OffsetAndMetadata offset = groupOffsets.get(partition);
        return offset != null && CommitMetadata.decode(offset.metadata()) instanceof CommitMetadata.Ours ours
                ? ours.progress().finished()
                : OffsetRanges.NONE;
    }

    @Override
    public synchronized Map<TopicPartition, OffsetAndMetadata> committed(
            Set<TopicPartition> partitions, Duration timeout) {
        Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>(groupOffsets);
        committed.keySet().retainAll(partitions);
        return committed;
    }

    public void failNextCommit(RuntimeException failure) {
        commitFailure = failure;
    }

    /** Gives the consumer these partitions and no others; what it had besides is revoked. */
    @Override
    public synchronized void rebalance(Collection<TopicPartition> partitions) {
        List<TopicPartition> added = partitions.stream()
                .filter(partition -> !assignment().contains(partition))
                .toList();
        super.rebalance(partitions);
        paused.retainAll(partitions);
        added.forEach(partition -> super.seek(partition, groupOffset(partition)));
    }

    @Override
    public synchronized void pause(Collection<TopicPartition> partitions) {
        paused.addAll(partitions);
    }

    @Override
    public synchronized void resume(Collection<TopicPartition> partitions) {
        paused.removeAll(partitions);
    }

    @Override
    public synchronized Set<TopicPartition> paused() {
        return Set.copyOf(paused);
    }

    /** As {@link #rebalance}, but what it had besides is another consumer's already. */
    public void lose(Collection<TopicPartition> kept) {
        losing = true;
        try {
            rebalance(kept);
        } finally {
            losing = false;
        }
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener listener) {
        super.subscribe(topics, new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                if (losing) {
                    listener.onPartitionsLost(partitions);
                } else {
                    listener.onPartitionsRevoked(partitions);
                }
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                listener.onPartitionsAssigned(partitions);
            }
        });
    }

    @Override
    public synchronized ConsumerRecords<Object, String> poll(Duration timeout) {
        super.poll(timeout); // wake-ups, positions
        Map<TopicPartition, List<ConsumerRecord<Object, String>>> polled = new HashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        List<TopicPartition> assigned = new ArrayList<>(assignment());
        assigned.sort((one, other) -> Integer.compare(one.partition(), other.partition()));
        int left = maxPollRecords;
        for (int at = 0; at < assigned.size() && left > 0; at++) {
            TopicPartition partition = assigned.get((at + firstOfPoll) % assigned.size());
            if (paused.contains(partition)) {
                continue;
            }
            List<ConsumerRecord<Object, String>> records =
                    logs.get(partition).tailMap(position(partition), true).values().stream()
                            .limit(left)
                            .toList();
            if (!records.isEmpty()) {
                left -= records.size();
                long after = records.get(records.size() - 1).offset() + 1;
                super.seek(partition, after);
                polled.put(partition, records);
                next.put(partition, new OffsetAndMetadata(after));
            }
        }
        firstOfPoll++;
        return new ConsumerRecords<>(polled, next);
    }

    @Override
    public synchronized OptionalLong currentLag(TopicPartition partition) {
        return OptionalLong.of(Math.max(0, end(partition) - position(partition)));
    }

    @Override
    public synchronized void commitAsync(
            Map<TopicPartition, OffsetAndMetadata> offsets, OffsetCommitCallback callback) {
        RuntimeException failure = commitFailure;
        commitFailure = null;
        if (failure == null) {
            commit(offsets);
        }
        if (callback != null) {
            lateAnswers.add(() -> callback.onComplete(offsets, failure));
        }
        if (!answersLate) {
            answer();
        }
    }

    /** From now on commits are answered late: at the next one that waits, as in Kafka's consumer. */
    public void answerLate() {
        answersLate = true;
    }

    private void answer() {
        List<Runnable> answers = List.copyOf(lateAnswers);
        lateAnswers.clear();
        answers.forEach(Runnable::run);
    }

    @Override
    public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets, Duration timeout) {
        RuntimeException failure = commitFailure;
        commitFailure = null;
        answer();
        if (failure != null) {
            throw failure;
        }
        commit(offsets);
    }

    /** Takes in what the consumer commits. */
    public void commit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        groupOffsets.putAll(offsets);
    }
}
