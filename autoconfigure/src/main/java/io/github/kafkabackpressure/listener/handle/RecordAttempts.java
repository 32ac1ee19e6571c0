package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.github.kafkabackpressure.listener.task.ListenerRun;
import io.github.kafkabackpressure.listener.task.RecordTask;
import io.micrometer.observation.Observation;
import java.nio.ByteBuffer;
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

    private final ListenerRun run;

    private final ListenerTarget target;

    private final AttemptSurroundings surroundings;

    RecordAttempts(ListenerRun run, ListenerTarget target) {
        this.run = run;
        this.target = target;
        this.surroundings = target.surroundings();
    }

    /**
     * Makes an attempt.
     *
     * @param acknowledgment by which the attempt ends; null if it ends when the method returns
     * @return what it failed with before the method returned, or null
     */
    Signal.@Nullable Failed attempt(RecordTask task, @Nullable RecordAcknowledgment acknowledgment) {
        RecordTransactions transactions = target.transactions();
        return transactions == null
                ? call(task.partition.owner, task.record, acknowledgment)
                : transactions.attempt(task, () -> call(task.partition.owner, task.record, acknowledgment));
    }

    /** Makes the end of an attempt, which does not end when the method returns. */
    RecordAcknowledgment acknowledgment() {
        return target.ending() == Ending.BY_RESULT
                ? new RecordAcknowledgment(failure -> new Signal.Failed(
                        surroundings.decorated(failure),
                        surroundings.observations().getCurrentObservation()))
                : new RecordAcknowledgment();
    }

    /** Makes an attempt outside of a transaction; else as {@link #attempt}. */
    @SuppressWarnings("unchecked")
    Signal.@Nullable Failed call(
            ConsumerLink owner, ConsumerRecord<?, ?> attempted, @Nullable RecordAcknowledgment acknowledgment) {
        ConsumerRecord<Object, Object> record = (ConsumerRecord<Object, Object>) attempted;
        Consumer<Object, Object> consumer = (Consumer<Object, Object>) owner.facts.consumer();
        run.workers.forgetInterrupt();
        var interceptor = target.interceptor();
        if (interceptor == null) {
            return timed(owner, record, acknowledgment, consumer);
        }
        try {
            interceptor.setupThreadState(consumer);
            Signal.Failed failed = timed(owner, record, acknowledgment, consumer);
            tell(interceptor, record, failed == null ? null : failed.exception(), consumer);
            return failed;
        } catch (RuntimeException e) {
            return new Signal.Failed(surroundings.decorated(e), null); // of the setting up: all others are logged
        } finally {
            AttemptSurroundings.afterwards(
                    () -> interceptor.clearThreadState(consumer), "the record interceptor's clearThreadState()");
        }
    }

    /** Makes an attempt that somebody else times, where there is neither a transaction nor an interceptor. */
    @SuppressWarnings("unchecked")
    Signal.@Nullable Failed callUntimed(ConsumerLink owner, ConsumerRecord<?, ?> record) {
        run.workers.forgetInterrupt();
        return observed(owner, (ConsumerRecord<Object, Object>) record, null, (Consumer<Object, Object>)
                owner.facts.consumer());
    }

    private Signal.@Nullable Failed timed(
            ConsumerLink owner,
            ConsumerRecord<Object, Object> record,
            @Nullable RecordAcknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        ListenerTimers.Running timer = surroundings.startTimer(owner);
        Signal.Failed failed = observed(owner, record, acknowledgment, consumer);
        if (timer != null) {
            timer.stop(record, failed == null ? null : failed.exception());
        }
        return failed;
    }

    private Signal.@Nullable Failed observed(
            ConsumerLink owner,
            ConsumerRecord<Object, Object> record,
            @Nullable RecordAcknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        Observation observation = null;
        Observation.Scope scope = null;
        try {
            try {
                addHeaders(record);
                observation = surroundings.startObservation(record, owner);
                scope = observation == null ? null : surroundings.openScope(observation);
            } catch (RuntimeException e) {
                throw surroundings.decorated(e);
            }
            callListener(record, acknowledgment, consumer);
            return null;
        } catch (RuntimeException e) {
            Observation failed = observation;
            if (failed != null && (scope == null || !target.adapterStopsObservation())) {
                AttemptSurroundings.afterwards(() -> failed.error(e), "an observation");
            }
            return new Signal.Failed(e, failed);
        } finally {
            if (observation != null) {
                end(observation, scope);
            }
        }
    }

    private void end(Observation observation, Observation.@Nullable Scope scope) {
        if (scope == null || !target.adapterStopsObservation()) {
            AttemptSurroundings.afterwards(observation::stop, "an observation");
        }
        if (scope != null) {
            surroundings.close(scope);
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
            target.call(intercepted, acknowledgment, consumer);
        } catch (Exception e) {
            throw surroundings.decorated(e);
        }
        if (acknowledgment != null && target.watched()) {
            acknowledgment.returned();
        }
    }

    private static void tell(
            RecordInterceptor<Object, Object> interceptor,
            ConsumerRecord<Object, Object> record,
            @Nullable RuntimeException failure,
            Consumer<Object, Object> consumer) {
        if (failure == null) {
            AttemptSurroundings.afterwards(
                    () -> interceptor.success(record, consumer), "the record interceptor's success()");
        } else {
            AttemptSurroundings.afterwards(
                    () -> interceptor.failure(record, failure, consumer), "the record interceptor's failure()");
        }
        AttemptSurroundings.afterwards(
                () -> interceptor.afterRecord(record, consumer), "the record interceptor's afterRecord()");
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
        surroundings.addListenerInfo(record);
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
            throw surroundings.decorated(exception);
        }
    }
}
