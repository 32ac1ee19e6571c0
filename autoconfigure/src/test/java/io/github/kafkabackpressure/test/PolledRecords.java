package io.github.kafkabackpressure.test;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Tells a test how many records each poll brought, from inside of Kafka's own consumer: what a test counts by this does
 * not depend on the code under test.
 *
 * <p>Threading: the consumers' threads.
 */
public final class PolledRecords implements ConsumerInterceptor<Object, Object> {

    /** The consumer property that says which counter is meant. */
    static final String COUNTER = "test.polled.counter";

    static final Map<String, IntConsumer> COUNTERS = new ConcurrentHashMap<>();

    private IntConsumer counter = count -> {};

    /** Made by Kafka. */
    public PolledRecords() {}

    @Override
    public void configure(Map<String, ?> configuration) {
        counter = COUNTERS.getOrDefault(String.valueOf(configuration.get(COUNTER)), counter);
    }

    @Override
    public ConsumerRecords<Object, Object> onConsume(ConsumerRecords<Object, Object> records) {
        counter.accept(records.count());
        return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}
}
