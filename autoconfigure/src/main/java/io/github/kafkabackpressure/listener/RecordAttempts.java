package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.RecordAcknowledgment.Signal;
import io.micrometer.observation.Observation;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.KafkaUtils;
import org.springframework.kafka.support.TopicPartitionOffset;
import org.springframework.kafka.support.micrometer.KafkaListenerObservation;
import org.springframework.kafka.support.micrometer.KafkaListenerObservation.DefaultKafkaListenerObservationConvention;
import org.springframework.kafka.support.micrometer.KafkaRecordReceiverContext;
import org.springframework.kafka.support.micrometer.MicrometerHolder;
import org.springframework.kafka.support.serializer.DeserializationException;
import org.springframework.kafka.support.serializer.SerializationUtils;

/**
 * Single attempts at records: the user's method, called once, and all that belongs around it as spring-kafka's own loop
 * does it (headers, interceptor, observation, timer, transaction).
 *
 * <p>Threading: the workers; asynchronous results come in on any thread.
 */
final class RecordAttempts {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordAttempts.class));

    private final ListenerTarget target;

    /** The attempts whose asynchronous results are awaited, by record; the adapter reports failures by record. */
    private final Map<ConsumerRecord<?, ?>, RecordAcknowledgment> awaited = new ConcurrentHashMap<>();

    RecordAttempts(ListenerTarget target) {
        this.target = target;
    }

    /**
     * Makes an attempt.
     *
     * @param record the task's, or a copy where attempts must be told apart by their records
     * @param acknowledgment by which the attempt ends; null if it ends when the method returns
     * @return what it failed with before the method returned, or null
     */
    Signal.@Nullable Failed attempt(
            RecordTask task, ConsumerRecord<?, ?> record, @Nullable RecordAcknowledgment acknowledgment) {
        RecordTransactions transactions = target.transactions();
        return transactions == null
                ? call(task.partition.owner, record, acknowledgment)
                : transactions.attempt(task, () -> call(task.partition.owner, record, acknowledgment));
    }

    /** Makes an attempt outside of a transaction; else as {@link #attempt}. */
    @SuppressWarnings("unchecked")
    Signal.@Nullable Failed call(
            Assignment owner, ConsumerRecord<?, ?> attempted, @Nullable RecordAcknowledgment acknowledgment) {
        ConsumerRecord<Object, Object> record = (ConsumerRecord<Object, Object>) attempted;
        Consumer<Object, Object> consumer = (Consumer<Object, Object>) owner.consumer();
        owner.run.workers.forgetInterrupt();
        addHeaders(record);
        var interceptor = target.interceptor();
        if (interceptor == null) {
            return timed(owner, record, acknowledgment, consumer);
        }
        interceptor.setupThreadState(consumer);
        try {
            Signal.Failed failed = timed(owner, record, acknowledgment, consumer);
            tell(interceptor, record, failed == null ? null : failed.exception(), consumer);
            return failed;
        } finally {
            interceptor.clearThreadState(consumer);
        }
    }

    private Signal.@Nullable Failed timed(
            Assignment owner,
            ConsumerRecord<Object, Object> record,
            @Nullable RecordAcknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        MicrometerHolder timer =
                target.timers() == null ? null : target.timers().of(owner);
        Object sample = timer == null ? null : timer.start();
        Signal.Failed failed = observed(owner, record, acknowledgment, consumer);
        if (timer != null && sample != null) {
            record(timer, sample, record, failed == null ? null : failed.exception());
        }
        return failed;
    }

    private Signal.@Nullable Failed observed(
            Assignment owner,
            ConsumerRecord<Object, Object> record,
            @Nullable RecordAcknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        Observation observation = startObservation(record, owner);
        Observation.Scope scope = observation == null ? null : observation.openScope();
        try {
            callListener(record, acknowledgment, consumer);
            return null;
        } catch (RuntimeException e) {
            if (observation != null && !target.adapterStopsObservation()) {
                observation.error(e);
            }
            return new Signal.Failed(e, observation);
        } finally {
            if (observation != null && !target.adapterStopsObservation()) {
                observation.stop();
            }
            if (scope != null) {
                scope.close();
            }
        }
    }

    /** Takes in that the asynchronous result of a record failed, as the adapter reports it. */
    void resultFailed(ConsumerRecord<?, ?> record, RuntimeException exception) {
        RecordAcknowledgment acknowledgment = awaited.get(record);
        if (acknowledgment != null) {
            acknowledgment.failed(decorated(exception), target.observations().getCurrentObservation());
        }
    }

    @SuppressWarnings("NullAway") // interceptors do get null records back
    private void callListener(
            ConsumerRecord<Object, Object> record,
            @Nullable RecordAcknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        checkDeserialized(record);
        ConsumerRecord<Object, Object> intercepted = record;
        try {
            if (target.interceptor() != null) {
                intercepted = target.interceptor().intercept(record, consumer);
            }
            if (intercepted == null) {
                if (acknowledgment != null) {
                    acknowledgment.acknowledge();
                }
                return;
            }
            if (target.ending() == Ending.BY_RESULT && acknowledgment != null) {
                ConsumerRecord<Object, Object> key = intercepted;
                acknowledgment.setCleanUp(() -> awaited.remove(key, acknowledgment));
                awaited.put(key, acknowledgment);
            }
            target.call(intercepted, acknowledgment, consumer);
        } catch (Exception e) {
            awaited.remove(intercepted);
            throw decorated(e);
        }
    }

    private static void tell(
            RecordInterceptor<Object, Object> interceptor,
            ConsumerRecord<Object, Object> record,
            @Nullable RuntimeException failure,
            Consumer<Object, Object> consumer) {
        try {
            if (failure == null) {
                interceptor.success(record, consumer);
            } else {
                interceptor.failure(record, failure, consumer);
            }
        } catch (RuntimeException e) {
            LOG.error(e, "the record interceptor threw an exception after the record had been handled");
        }
        try {
            interceptor.afterRecord(record, consumer);
        } catch (RuntimeException e) {
            LOG.error(e, "the record interceptor threw an exception in afterRecord()");
        }
    }

    private void addHeaders(ConsumerRecord<Object, Object> record) {
        if (target.attempts() != null) {
            int attempt = target.attempts()
                    .deliveryAttempt(new TopicPartitionOffset(record.topic(), record.partition(), record.offset()));
            record.headers().remove(KafkaHeaders.DELIVERY_ATTEMPT);
            record.headers()
                    .add(new RecordHeader(
                            KafkaHeaders.DELIVERY_ATTEMPT,
                            ByteBuffer.allocate(Integer.BYTES).putInt(attempt).array()));
        }
        if (target.listenerInfo() != null) {
            record.headers().remove(target.listenerInfo().key());
            record.headers().add(target.listenerInfo());
        }
    }

    private void checkDeserialized(ConsumerRecord<Object, Object> record) {
        Object value = record.value();
        if (value instanceof DeserializationException e) {
            throw e;
        }
        Object key = record.key();
        if (key instanceof DeserializationException e) {
            throw e;
        }
        if (value == null && target.checkNullValues()) {
            checkHeader(record, KafkaUtils.VALUE_DESERIALIZER_EXCEPTION_HEADER);
        }
        if (key == null && target.checkNullKeys()) {
            checkHeader(record, KafkaUtils.KEY_DESERIALIZER_EXCEPTION_HEADER);
        }
    }

    private void checkHeader(ConsumerRecord<Object, Object> record, String header) {
        DeserializationException exception = SerializationUtils.getExceptionFromHeader(record, header, LOG);
        if (exception != null) {
            throw decorated(exception);
        }
    }

    /** As error handlers expect what a listener threw. */
    RuntimeException decorated(Exception exception) {
        return ListenerFailures.decorated(exception, target.groupId());
    }

    @SuppressWarnings("NullAway") // the cluster's id may be null, though the context's constructor does not say so
    private @Nullable Observation startObservation(ConsumerRecord<Object, Object> record, Assignment consumer) {
        if (target.observations().isNoop()) {
            return null;
        }
        Observation observation = KafkaListenerObservation.LISTENER_OBSERVATION.observation(
                target.observationConvention(),
                DefaultKafkaListenerObservationConvention.INSTANCE,
                () -> new KafkaRecordReceiverContext(
                        record, consumer.name(), consumer.clientId(), target.groupId(), target.clusterId()),
                target.observations());
        return observation.start();
    }

    private void record(
            MicrometerHolder timer, Object sample, ConsumerRecord<?, ?> record, @Nullable RuntimeException failure) {
        boolean byRecord = target.timers() != null && target.timers().byRecord;
        String exception = failure == null
                ? null
                : (failure.getCause() == null ? failure : failure.getCause())
                        .getClass()
                        .getSimpleName();
        if (exception == null) {
            if (byRecord) {
                timer.success(sample, record);
            } else {
                timer.success(sample);
            }
        } else if (byRecord) {
            timer.failure(sample, exception, record);
        } else {
            timer.failure(sample, exception);
        }
    }
}
