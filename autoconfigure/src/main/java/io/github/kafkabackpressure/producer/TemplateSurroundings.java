package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.RecordNotSentException;
import java.time.Duration;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.support.ProducerListener;

/**
 * What is around a template's pipeline: Kafka's producer, and those who are told what becomes of records.
 *
 * <p>Threading: any thread; who is told is set before the first record is sent.
 */
final class TemplateSurroundings<K, V> implements Surroundings<K, V> {

    private final String name;
    private final ProducerOptions options;
    private final CurrentProducer<K, V> producer;
    private final Duration metadataWait;
    private final LogAccessor logger;

    @Nullable ProducerListener<K, V> listener;

    @Nullable ProducerInterceptor<K, V> interceptor;

    @Nullable ApplicationContext context;

    TemplateSurroundings(
            String name,
            ProducerOptions options,
            CurrentProducer<K, V> producer,
            Duration metadataWait,
            LogAccessor logger) {
        this.name = name;
        this.options = options;
        this.producer = producer;
        this.metadataWait = metadataWait;
        this.logger = logger;
    }

    @Override
    public Producer<K, V> producer() {
        return producer.get();
    }

    @Override
    public Producer<K, V> currentProducer() {
        return producer.askAgain();
    }

    @Override
    public @Nullable Producer<K, V> openProducer() {
        return producer.ifOpen();
    }

    @Override
    public void forgetProducer(Producer<K, V> closed) {
        producer.forget(closed);
    }

    @Override
    public Duration metadataWait() {
        return metadataWait;
    }

    @Override
    public void delivered(ProducerRecord<K, V> record, RecordMetadata metadata) {
        intercept(metadata, null);
        if (listener != null) {
            listener.onSuccess(record, metadata);
        }
    }

    @Override
    public void failed(ProducerRecord<K, V> record, @Nullable RecordMetadata metadata, Exception failure) {
        if (metadata != null) {
            intercept(metadata, failure);
        }
        if (listener != null) {
            listener.onError(record, metadata, failure);
        }
    }

    /** What it throws does not keep the listener from being told. */
    private void intercept(RecordMetadata metadata, @Nullable Exception failure) {
        if (interceptor == null) {
            return;
        }
        try {
            interceptor.onAcknowledgement(metadata, failure);
        } catch (Throwable e) {
            logger.warn(e, () -> "The interceptor of '" + name + "' failed");
        }
    }

    @Override
    public void undelivered(ProducerRecord<K, V> record, RecordNotSentException failure) {
        // The report says it in one line, which a log of each record would bury.
        if (listener != null && !(listener instanceof FailedSendsLog)) {
            listener.onError(record, null, failure);
        }
    }

    @Override
    public void stateChanged(BufferState state, int buffered) {
        ApplicationContext published = context;
        if (state == BufferState.FULL) {
            logger.warn(() -> "The buffer of '" + name + "' is full; overflow is " + options.overflow());
        }
        if (published != null) {
            published.publishEvent(new BufferStateEvent(name, state, buffered));
        }
    }
}
