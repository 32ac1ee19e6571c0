package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.RecordOutcome;
import io.github.kafkabackpressure.listener.ListenerTarget.Ending;
import io.github.kafkabackpressure.listener.RecordAcknowledgment.Signal;
import io.micrometer.observation.Observation;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.KafkaBackoffException;
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
 * What a worker does with one record: interceptor, observation, the user's method, and on failure the error handler,
 * over and over until the record is handled, recovered, or its partition is gone.
 *
 * <p>All attempts of a record but an asynchronous first one run on one thread, as error handlers count attempts by
 * thread. While the error handler sleeps between attempts the worker's slot is left to others; the lane is not.
 *
 * <p>Threading: the workers; asynchronous results and late acknowledgments come in on any thread.
 */
final class RecordInvoker implements Invoker {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordInvoker.class));

    /** An error handler may refuse to recover without any delay, and must not be asked again in a hot loop. */
    private static final long LEAST_RETRY_DELAY_MILLIS = 10;

    /** How often a retry looks whether a paused container has been resumed. */
    private static final Duration PAUSE_CHECK = Duration.ofMillis(50);

    private final ListenerRun run;

    private final ListenerTarget target;

    private final ErrorHandling errorHandling;

    /** The attempts whose asynchronous results are awaited, by record; the adapter reports failures by record. */
    private final Map<ConsumerRecord<?, ?>, RecordAcknowledgment> awaited = new ConcurrentHashMap<>();

    RecordInvoker(ListenerRun run, ListenerTarget target) {
        this.run = run;
        this.target = target;
        this.errorHandling = new ErrorHandling(target.errorHandler(), target.container());
    }

    @Override
    public WorkerPool.Result invoke(RecordTask task, long begun) {
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempt(task, task.record, null);
            if (failure == null) {
                run.finished(task, RecordOutcome.HANDLED, begun);
                return WorkerPool.Result.OVER;
            }
            return conclude(task, begun, failure);
        }
        boolean holdsSlot = target.ending() == Ending.BY_RESULT;
        RecordAcknowledgment acknowledgment = new RecordAcknowledgment(holdsSlot);
        Signal.Failed failure = attempt(task, task.record, acknowledgment);
        if (failure != null) {
            return conclude(task, begun, failure);
        }
        limitWait(acknowledgment);
        if (acknowledgment.whenSignalled(signal -> later(task, begun, signal, holdsSlot))) {
            return holdsSlot ? WorkerPool.Result.HOLDS_SLOT : WorkerPool.Result.HOLDS_LANE;
        }
        return conclude(task, begun, acknowledgment.signal());
    }

    /** Goes on with a record whose attempt ended after its method had returned. */
    private void later(RecordTask task, long begun, Signal signal, boolean holdsSlot) {
        if (signal == Signal.Done.DONE) {
            run.finished(task, RecordOutcome.HANDLED, begun);
            run.workers.resumeLane(task, holdsSlot);
        } else {
            // The signalling thread is not ours to sleep on or to run the user's method on.
            boolean goesOn = run.workers.continueOnWorker(task, holdsSlot, () -> concludeSafely(task, begun, signal));
            if (!goesOn) {
                run.abandoned(task, begun); // the listener has stopped: the record comes again to its next owner
            }
        }
    }

    private WorkerPool.Result concludeSafely(RecordTask task, long begun, Signal signal) {
        try {
            return conclude(task, begun, signal);
        } catch (Throwable e) {
            return run.failed(task, begun, e);
        }
    }

    /** Does what the end of the first attempt calls for, further attempts included. */
    private WorkerPool.Result conclude(RecordTask task, long begun, @Nullable Signal firstSignal) {
        Signal signal = firstSignal;
        boolean askedErrorHandler = false;
        try {
            while (true) {
                if (signal == Signal.Done.DONE) {
                    run.finished(task, RecordOutcome.HANDLED, begun);
                    return WorkerPool.Result.OVER;
                }
                boolean again = true;
                if (signal instanceof Signal.Failed failed) {
                    askedErrorHandler = true;
                    switch (decide(task, failed)) {
                        case RECOVERED -> {
                            run.finished(task, RecordOutcome.RECOVERED, begun);
                            return WorkerPool.Result.OVER;
                        }
                        case STOP -> {
                            run.unfinished(task, begun);
                            return WorkerPool.Result.BLOCKS_LANE;
                        }
                        case RETRY -> {}
                    }
                } else if (signal instanceof Signal.Nacked nacked) {
                    sleepWithoutSlot(task, nacked.sleep());
                } else {
                    again = false; // interrupted while it waited for the end of an attempt
                }
                if (!again || task.partition.inFlight.isClosed()) {
                    return run.abandoned(task, begun);
                }
                signal = attemptToTheEnd(task, signal);
            }
        } finally {
            if (askedErrorHandler) {
                target.errorHandler().clearThreadState();
                if (target.transactions() != null) {
                    target.transactions().clearThreadState();
                }
            }
        }
    }

    private ErrorHandling.Decision decide(RecordTask task, Signal.Failed failed) {
        if (task.partition.gone) {
            return ErrorHandling.Decision.RETRY; // given up: nobody may recover the record but its next owner
        }
        long due = dueMillis(failed.exception());
        if (due >= 0) {
            sleepWithoutSlot(task, Duration.ofMillis(Math.max(due - System.currentTimeMillis(), 1)));
            return ErrorHandling.Decision.RETRY;
        }
        run.workers.leaveSlot();
        Observation.Scope scope =
                failed.observation() == null ? null : failed.observation().openScope();
        try {
            long asked = run.nanoTime.getAsLong();
            RecordTransactions transactions = target.transactions();
            ErrorHandling.Decision decision = transactions == null
                    ? errorHandling.decide(failed.exception(), task)
                    : transactions.decide(
                            failed.exception(), task, target.decidesAfterRollback() ? null : errorHandling);
            if (decision == ErrorHandling.Decision.RETRY) {
                long waited = Duration.ofNanos(run.nanoTime.getAsLong() - asked).toMillis();
                if (waited < LEAST_RETRY_DELAY_MILLIS) {
                    sleep(task, Duration.ofMillis(LEAST_RETRY_DELAY_MILLIS - waited));
                }
                awaitResume(task);
            }
            return decision;
        } finally {
            if (scope != null) {
                scope.close();
            }
            run.workers.takeSlotAgain();
        }
    }

    /** When a record of a retry topic is due, which no error handler need be asked; -1 if that is not why it failed. */
    private static long dueMillis(RuntimeException exception) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            if (cause instanceof KafkaBackoffException notYet) {
                return notYet.getDueTimestamp();
            }
        }
        return -1;
    }

    /** While the container is paused nothing comes again: some error handlers pause it for the time of their back-off. */
    private void awaitResume(RecordTask task) {
        while (target.container().isPauseRequested()
                && !task.partition.inFlight.isClosed()
                && !Thread.currentThread().isInterrupted()) {
            sleep(task, PAUSE_CHECK);
        }
    }

    private void sleepWithoutSlot(RecordTask task, Duration time) {
        run.workers.leaveSlot();
        try {
            sleep(task, time);
        } finally {
            run.workers.takeSlotAgain();
        }
    }

    private void sleep(RecordTask task, Duration time) {
        run.sleepWhile(() -> !task.partition.inFlight.isClosed(), time);
    }

    /** Makes a further attempt and waits for its end on this thread; null if the wait was interrupted. */
    private @Nullable Signal attemptToTheEnd(RecordTask task, @Nullable Signal before) {
        if (target.ending() == Ending.BY_RETURN) {
            Signal.Failed failure = attempt(task, task.record, null);
            return failure == null ? Signal.Done.DONE : failure;
        }
        boolean byResult = target.ending() == Ending.BY_RESULT;
        RecordAcknowledgment acknowledgment = new RecordAcknowledgment(byResult);
        // A result that was given up may still fail, and results are told apart by their records only.
        ConsumerRecord<?, ?> record = byResult && hasTimedOut(before) ? copy(task.record) : task.record;
        Signal.Failed failure = attempt(task, record, acknowledgment);
        if (failure != null) {
            return failure;
        }
        limitWait(acknowledgment);
        return acknowledgment.await();
    }

    private void limitWait(RecordAcknowledgment acknowledgment) {
        Duration timeout = run.options.handlerTimeout();
        if (target.ending() == Ending.BY_RESULT && !timeout.isZero() && acknowledgment.signal() == null) {
            acknowledgment.failAfter(
                    timeout,
                    () -> decorated(
                            new TimeoutException("no result came within handler-timeout, which is " + timeout)));
        }
    }

    private static boolean hasTimedOut(@Nullable Signal signal) {
        return signal instanceof Signal.Failed failed && failed.exception().getCause() instanceof TimeoutException;
    }

    private static <K, V> ConsumerRecord<K, V> copy(ConsumerRecord<K, V> record) {
        return new ConsumerRecord<>(
                record.topic(),
                record.partition(),
                record.offset(),
                record.timestamp(),
                record.timestampType(),
                record.serializedKeySize(),
                record.serializedValueSize(),
                record.key(),
                record.value(),
                record.headers(),
                record.leaderEpoch());
    }

    /** Takes in that the asynchronous result of a record failed, as the adapter reports it. */
    void resultFailed(ConsumerRecord<?, ?> record, RuntimeException exception) {
        RecordAcknowledgment acknowledgment = awaited.get(record);
        if (acknowledgment != null) {
            acknowledgment.failed(decorated(exception), target.observations().getCurrentObservation());
        }
    }

    private Signal.@Nullable Failed attempt(
            RecordTask task, ConsumerRecord<?, ?> record, @Nullable RecordAcknowledgment acknowledgment) {
        RecordTransactions transactions = target.transactions();
        return transactions == null
                ? attemptOnce(task, record, acknowledgment)
                : transactions.attempt(task, () -> attemptOnce(task, record, acknowledgment));
    }

    /**
     * Calls the user's method once, with all that belongs around it.
     *
     * @param acknowledgment by which the attempt ends; null if it ends when the method returns
     * @return what it failed with, or null
     */
    @SuppressWarnings({"unchecked", "NullAway"}) // interceptors do get null records back
    private Signal.@Nullable Failed attemptOnce(
            RecordTask task, ConsumerRecord<?, ?> attempted, @Nullable RecordAcknowledgment acknowledgment) {
        ConsumerRecord<Object, Object> record = (ConsumerRecord<Object, Object>) attempted;
        Consumer<Object, Object> consumer = (Consumer<Object, Object>) task.partition.owner.consumer();
        addHeaders(record);
        var interceptor = target.interceptor();
        MicrometerHolder timer =
                target.timers() == null ? null : target.timers().of(task.partition.owner);
        Object sample = timer == null ? null : timer.start();
        Observation observation = startObservation(record, task.partition.owner);
        Observation.Scope scope = observation == null ? null : observation.openScope();
        if (interceptor != null) {
            interceptor.setupThreadState(consumer);
        }
        RuntimeException failure = null;
        try {
            call(record, acknowledgment, consumer);
        } catch (RuntimeException e) {
            failure = e;
            if (observation != null && !target.adapterStopsObservation()) {
                observation.error(e);
            }
        } finally {
            if (observation != null && !target.adapterStopsObservation()) {
                observation.stop();
            }
            if (scope != null) {
                scope.close();
            }
        }
        if (timer != null && sample != null) {
            record(timer, sample, record, failure);
        }
        if (interceptor != null) {
            intercepted(record, failure, consumer);
        }
        return failure == null ? null : new Signal.Failed(failure, observation);
    }

    @SuppressWarnings("NullAway") // interceptors do get null records back
    private void call(
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

    private void intercepted(
            ConsumerRecord<Object, Object> record,
            @Nullable RuntimeException failure,
            Consumer<Object, Object> consumer) {
        var interceptor = target.interceptor();
        if (interceptor == null) {
            return;
        }
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
        } finally {
            interceptor.clearThreadState(consumer);
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

    private RuntimeException decorated(Exception exception) {
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
