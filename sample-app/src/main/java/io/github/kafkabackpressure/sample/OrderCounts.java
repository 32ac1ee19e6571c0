package io.github.kafkabackpressure.sample;

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

    /** Orders that were paid although an older one of their partition is not, so that they will come again. */
    long handledAhead(Backlog.Offsets offsets) {
        return handledOffsets.entrySet().stream()
                .mapToLong(entry -> entry.getValue()
                        .tailSet(offsets.committed().getOrDefault(entry.getKey(), 0L))
                        .size())
                .sum();
    }
}
