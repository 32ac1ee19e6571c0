package io.github.kafkabackpressure.listener.handle;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.AcknowledgingConsumerAwareMessageListener;
import org.springframework.kafka.listener.AcknowledgingMessageListener;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.ConsumerAwareMessageListener;
import org.springframework.kafka.listener.DeliveryAttemptAware;
import org.springframework.kafka.listener.ListenerType;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.support.Acknowledgment;

/**
 * The user's side of a listener: the method, and what spring-kafka calls around it, as one run of the container found
 * them at its start.
 *
 * <p>Threading: immutable; the workers.
 *
 * @param listener the user's listener, filters and adapters included
 * @param type what of acknowledgment and consumer it takes
 * @param ending when a record that it was called for is finished
 * @param watched whether it tells which results are to come ({@link WatchedHandler}), where they end a record
 * @param interceptor called around each attempt
 * @param errorHandler decides on failed records
 * @param transactions the Kafka transactions that records are handled in
 * @param decidesAfterRollback whether what comes after a rollback decides on failed records, not the error handler
 * @param attempts numbers attempts for a header
 * @param checkNullKeys whether a null key may be one that could not be deserialized
 * @param checkNullValues whether a null value may be one that could not be deserialized
 * @param adapterStopsObservation whether the adapter ends the observation, when the result is there
 * @param surroundings what belongs around each attempt
 * @param container the container, as error handlers get it
 */
public record ListenerTarget(
        MessageListener<Object, Object> listener,
        ListenerType type,
        Ending ending,
        boolean watched,
        @Nullable RecordInterceptor<Object, Object> interceptor,
        CommonErrorHandler errorHandler,
        @Nullable RecordTransactions transactions,
        boolean decidesAfterRollback,
        @Nullable DeliveryAttemptAware attempts,
        boolean checkNullKeys,
        boolean checkNullValues,
        boolean adapterStopsObservation,
        AttemptSurroundings surroundings,
        MessageListenerContainer container) {

    /** When a record is finished. */
    public enum Ending {
        /** When the method returns. */
        BY_RETURN,
        /** When the user acknowledges it. */
        BY_ACKNOWLEDGMENT,
        /** When the result that the method returned is there. */
        BY_RESULT
    }

    @SuppressWarnings({"unchecked", "rawtypes", "NullAway"}) // the parameters may be null though not marked so
    public void call(
            ConsumerRecord<Object, Object> record, @Nullable Acknowledgment acknowledgment, Consumer<?, ?> consumer) {
        switch (type) {
            case ACKNOWLEDGING_CONSUMER_AWARE ->
                ((AcknowledgingConsumerAwareMessageListener) listener).onMessage(record, acknowledgment, consumer);
            case CONSUMER_AWARE -> ((ConsumerAwareMessageListener) listener).onMessage(record, consumer);
            case ACKNOWLEDGING -> ((AcknowledgingMessageListener) listener).onMessage(record, acknowledgment);
            case SIMPLE -> listener.onMessage(record);
        }
    }
}
