package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
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
 * @param surroundings what belongs around each attempt
 * @param container the container, as error handlers get it
 */
public record BatchTarget(
        BatchMessageListener<Object, Object> listener,
        ListenerType type,
        Ending ending,
        boolean watched,
        @Nullable BatchInterceptor<Object, Object> interceptor,
        CommonErrorHandler errorHandler,
        AttemptSurroundings surroundings,
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
