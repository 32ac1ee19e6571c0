package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.micrometer.observation.ObservationRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.BatchAcknowledgingConsumerAwareMessageListener;
import org.springframework.kafka.listener.BatchAcknowledgingMessageListener;
import org.springframework.kafka.listener.BatchConsumerAwareMessageListener;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ListenerType;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.kafka.support.micrometer.KafkaListenerObservationConvention;

/**
 * The user's side of a batch listener, as one run of the container found it at its start.
 *
 * <p>Threading: immutable; the workers.
 *
 * @param listener the user's listener, filters and adapters included
 * @param type what of acknowledgment and consumer it takes
 * @param ending when a batch that it was called for is finished
 * @param watched whether it tells which results are to come ({@link WatchedHandler}), where they end a batch
 * @param interceptor called around each attempt
 * @param errorHandler decides on failed batches
 * @param listenerInfo a header that every record gets
 * @param observations the registry of observations of single records; the no-op one if they are off
 * @param observationConvention the user's convention
 * @param clusterId the cluster's id for observations
 * @param timers spring-kafka's own timers
 * @param groupId the consumers' group
 * @param container the container, as error handlers get it
 */
public record BatchTarget(
        BatchMessageListener<Object, Object> listener,
        ListenerType type,
        Ending ending,
        boolean watched,
        @Nullable BatchInterceptor<Object, Object> interceptor,
        CommonErrorHandler errorHandler,
        @Nullable Header listenerInfo,
        ObservationRegistry observations,
        @Nullable KafkaListenerObservationConvention observationConvention,
        Supplier<@Nullable String> clusterId,
        @Nullable ListenerTimers timers,
        @Nullable String groupId,
        MessageListenerContainer container) {

    @SuppressWarnings({"unchecked", "rawtypes", "NullAway"}) // the parameters may be null though not marked so
    public void call(
            ConsumerRecords<Object, Object> records,
            @Nullable Acknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        if (listener.wantsPollResult()) {
            listener.onMessage(records, acknowledgment, consumer);
            return;
        }
        List<ConsumerRecord<Object, Object>> list = new ArrayList<>(records.count());
        records.forEach(list::add);
        switch (type) {
            case ACKNOWLEDGING_CONSUMER_AWARE ->
                ((BatchAcknowledgingConsumerAwareMessageListener) listener).onMessage(list, acknowledgment, consumer);
            case CONSUMER_AWARE -> ((BatchConsumerAwareMessageListener) listener).onMessage(list, consumer);
            case ACKNOWLEDGING -> ((BatchAcknowledgingMessageListener) listener).onMessage(list, acknowledgment);
            case SIMPLE -> listener.onMessage(list);
        }
    }
}
