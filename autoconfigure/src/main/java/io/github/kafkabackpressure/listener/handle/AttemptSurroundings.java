package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.task.ConsumerLink;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.util.function.Supplier;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.support.micrometer.KafkaListenerObservation;
import org.springframework.kafka.support.micrometer.KafkaListenerObservation.DefaultKafkaListenerObservationConvention;
import org.springframework.kafka.support.micrometer.KafkaListenerObservationConvention;
import org.springframework.kafka.support.micrometer.KafkaRecordReceiverContext;

/**
 * What belongs around every attempt, at a record or at a batch: the listener's header, the observation of a record, the
 * timer, and the wrapping of what the user's method throws.
 *
 * <p>Threading: immutable; the workers, and the threads that report asynchronous failures.
 *
 * @param groupId the consumers' group
 * @param listenerInfo a header that every record gets
 * @param observations the registry of observations of single records; the no-op one if they are off
 * @param observationConvention the user's convention
 * @param clusterId the cluster's id for observations
 * @param timers spring-kafka's own timers
 */
public record AttemptSurroundings(
        @Nullable String groupId,
        @Nullable Header listenerInfo,
        ObservationRegistry observations,
        @Nullable KafkaListenerObservationConvention observationConvention,
        Supplier<@Nullable String> clusterId,
        @Nullable ListenerTimers timers) {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(AttemptSurroundings.class));

    /** Gives a record the header that every one of the listener gets, once, however many attempts there are. */
    void addListenerInfo(ConsumerRecord<?, ?> record) {
        if (listenerInfo != null) {
            record.headers().remove(listenerInfo.key());
            record.headers().add(listenerInfo);
        }
    }

    /** Starts the observation of a record; null if there are none. */
    @SuppressWarnings("NullAway") // the cluster's id may be null, though the context's constructor does not say so
    @Nullable Observation startObservation(ConsumerRecord<?, ?> record, ConsumerLink consumer) {
        if (observations.isNoop()) {
            return null;
        }
        Observation observation = KafkaListenerObservation.LISTENER_OBSERVATION.observation(
                observationConvention,
                DefaultKafkaListenerObservationConvention.INSTANCE,
                () -> new KafkaRecordReceiverContext(
                        record, consumer.facts.name(), consumer.facts.clientId(), groupId, clusterId),
                observations);
        return observation.start();
    }

    /** Opens the scope of an observation. If a handler of the user's throws, the thread is left with the one it had. */
    Observation.Scope openScope(Observation observation) {
        Observation.Scope before = observations.getCurrentObservationScope();
        try {
            return observation.openScope();
        } catch (RuntimeException e) {
            observations.setCurrentObservationScope(before);
            throw e;
        }
    }

    /** Closes the scope of an observation, whatever the user's handlers throw: the thread has the former one again. */
    void close(Observation.Scope scope) {
        afterwards(
                () -> {
                    try {
                        scope.close();
                    } finally {
                        observations.setCurrentObservationScope(scope.getPreviousObservationScope());
                    }
                },
                "an observation");
    }

    /** Starts the timer of a consumer; null if there is none. */
    ListenerTimers.@Nullable Running startTimer(ConsumerLink consumer) {
        return timers == null ? null : timers.start(consumer);
    }

    /** Wraps what a listener threw the way spring-kafka's own container does it; error handlers look for that. */
    RuntimeException decorated(Exception exception) {
        if (exception instanceof ListenerExecutionFailedException failed) {
            String message = failed.getMessage() == null ? "Listener failed" : failed.getMessage();
            ListenerExecutionFailedException withGroup =
                    new ListenerExecutionFailedException(message, groupId, failed.getCause());
            withGroup.setStackTrace(failed.getStackTrace());
            return withGroup;
        }
        return new ListenerExecutionFailedException("Listener failed", groupId, exception);
    }

    /** Does what follows an attempt that has succeeded or failed: what it throws changes nothing about that. */
    static void afterwards(Runnable action, String what) {
        try {
            action.run();
        } catch (RuntimeException e) {
            LOG.error(e, () -> what + " threw an exception after the listener had been called");
        }
    }
}
