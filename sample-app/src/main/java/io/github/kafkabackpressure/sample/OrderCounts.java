package io.github.kafkabackpressure.sample;

import io.github.kafkabackpressure.progress.OffsetRanges;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.springframework.stereotype.Component;

/** What this run has done with orders. A bean without dependencies, so that no shutdown order hangs on it. */
@Component
class OrderCounts {

    /** Orders handed to the template. */
    final AtomicLong produced = new AtomicLong();

    /** Orders of those that the template reported as not delivered. */
    final AtomicLong failed = new AtomicLong();

    private final AtomicLong handled = new AtomicLong();

    private final Map<TopicPartition, ConcurrentSkipListSet<Long>> handledOffsets = new ConcurrentHashMap<>();

    /** Counts an order as paid, but only once. */
    void handled(ConsumerRecord<?, ?> order) {
        if (handledOffsets
                .computeIfAbsent(
                        new TopicPartition(order.topic(), order.partition()), p -> new ConcurrentSkipListSet<>())
                .add(order.offset())) {
            handled.incrementAndGet();
        }
    }

    /** Orders that were paid. */
    long handled() {
        return handled.get();
    }

    /** Orders that were paid and will come again, as no commit says so. */
    long comeAgain(Backlog.Offsets offsets) {
        return handledOffsets.entrySet().stream()
                .mapToLong(entry -> {
                    OffsetRanges remembered = offsets.remembered().getOrDefault(entry.getKey(), OffsetRanges.NONE);
                    return entry.getValue().tailSet(offsets.committed().getOrDefault(entry.getKey(), 0L)).stream()
                            .filter(offset -> !remembered.contains(offset))
                            .count();
                })
                .sum();
    }
}
