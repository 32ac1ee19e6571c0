package io.github.kafkabackpressure.benchmarks.contender;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Counts the records that {@code poll} returned, inside Kafka's consumer, so that "polled and not finished" is known
 * for every contender alike.
 *
 * <p>The counts are static because Kafka makes the interceptor; a JVM has one run. In flight rises nowhere but here, so
 * its peak is read here: at the cost of one sum per poll.
 *
 * <p>Threading: {@code onConsume} is called on the consumers' threads; the counts may be read by any thread.
 */
public final class PolledRecords implements ConsumerInterceptor<String, String> {

    private static final AtomicLong POLLED = new AtomicLong();

    private static final LongAdder FINISHED = new LongAdder();

    private static final AtomicLong PEAK = new AtomicLong();

    /** The thread that polled last; where there is one consumer it is always the same. */
    private static volatile @Nullable Thread consumer;

    private static final AtomicLong LAST_OFFSET = new AtomicLong(-1);

    /** Made by Kafka's consumer. */
    public PolledRecords() {}

    @Override
    public ConsumerRecords<String, String> onConsume(ConsumerRecords<String, String> records) {
        if (!records.isEmpty()) {
            consumer = Thread.currentThread();
            for (TopicPartition partition : records.partitions()) {
                var ofPartition = records.records(partition);
                ConsumerRecord<String, String> last = ofPartition.get(ofPartition.size() - 1);
                LAST_OFFSET.accumulateAndGet(last.offset(), Math::max);
            }
            add(records.count());
        }
        return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configuration) {}

    /** Counts polled records, for a consumer that takes no interceptor. */
    static void add(int count) {
        PEAK.accumulateAndGet(POLLED.addAndGet(count) - FINISHED.sum(), Math::max);
    }

    static void finished() {
        FINISHED.increment();
    }

    static long finishedSum() {
        return FINISHED.sum();
    }

    static long polledSum() {
        return POLLED.get();
    }

    /** The thread that polled last; null if none has. */
    static @Nullable Thread consumer() {
        return consumer;
    }

    /** The highest offset polled from any partition. */
    static long lastOffset() {
        return LAST_OFFSET.get();
    }

    /** Looks for the peak of "polled and not finished" from now on. */
    static void restartPeak() {
        PEAK.set(POLLED.get() - FINISHED.sum());
    }

    /** The peak of "polled and not finished". */
    static long peak() {
        return PEAK.get();
    }
}
