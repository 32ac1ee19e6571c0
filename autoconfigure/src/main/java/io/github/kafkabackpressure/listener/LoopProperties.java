package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.consume.ConsumerSide;
import io.github.kafkabackpressure.listener.consume.DispatchingListener;
import java.util.Objects;
import org.springframework.beans.BeanUtils;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;

/**
 * What spring-kafka's loop works with in place of the container's properties: as the user set it, but for what the
 * workers do in its place.
 *
 * <p>Threading: the thread that starts the container.
 */
final class LoopProperties {

    private LoopProperties() {}

    /** Makes them for the consumers of a run. */
    static ContainerProperties of(ContainerProperties properties, ConsumerSide consumers) {
        Object listener = properties.getMessageListener();
        if (listener == null) {
            throw new IllegalStateException("no message listener has been set");
        }
        ContainerProperties changed = copy(properties);
        changed.setAckMode(AckMode.MANUAL);
        changed.setAsyncAcks(false);
        changed.setFixTxOffsets(false); // would commit the position, which is past what is in flight
        changed.setMicrometerEnabled(false);
        changed.setRecordObservationsInBatch(false);
        changed.setKafkaAwareTransactionManager(null); // the workers' transactions span the handling of a record
        changed.setMessageListener(new DispatchingListener(listener, consumers));
        return changed;
    }

    private static ContainerProperties copy(ContainerProperties properties) {
        ContainerProperties copy;
        if (properties.getTopics() != null) {
            copy = new ContainerProperties(properties.getTopics());
        } else if (properties.getTopicPattern() != null) {
            copy = new ContainerProperties(properties.getTopicPattern());
        } else {
            copy = new ContainerProperties(Objects.requireNonNull(properties.getTopicPartitions()));
        }
        // Counted and timed acknowledgment means nothing here, and their unset values cannot be set.
        BeanUtils.copyProperties(
                properties,
                copy,
                "topics",
                "topicPartitions",
                "topicPattern",
                "ackCount",
                "ackTime",
                "subBatchPerPartition",
                "messageListener",
                "adviceChain");
        return copy;
    }
}
