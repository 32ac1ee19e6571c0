package io.github.kafkabackpressure.producer;

import java.util.Map;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.MetricName;
import org.jspecify.annotations.Nullable;

/**
 * One open producer. One is told from another by identity of the {@link #producer()}.
 *
 * <p>Threading: immutable.
 *
 * @param id name of the factory's bean and the client id
 * @param closer closes it without waiting for what it holds, whose futures fail by that; null if it is not ours to close
 */
record LiveProducer(
        String id, Producer<?, ?> producer, @Nullable Runnable closer) {

    /** Whether that is the thread on which it calls back: it cannot send while that waits for it. */
    boolean isServedBy(Thread thread) {
        return isServedBy(producer, thread);
    }

    static boolean isServedBy(Producer<?, ?> producer, Thread thread) {
        if (!OwnThread.isOfKafka(thread)) {
            return false;
        }
        Map<MetricName, ?> metrics = producer.metrics();
        return !metrics.isEmpty()
                && OwnThread.isOfKafka(
                        thread,
                        String.valueOf(metrics.keySet().iterator().next().tags().get("client-id")));
    }
}
