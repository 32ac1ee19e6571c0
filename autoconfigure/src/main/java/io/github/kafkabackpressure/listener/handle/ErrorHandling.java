package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.listener.task.RecordTask;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.BeansException;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.KafkaException;
import org.springframework.kafka.listener.CommonDelegatingErrorHandler;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.CommonMixedErrorHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListenerContainer;

/**
 * Asks the container's error handler what becomes of a failed record.
 *
 * <p>Error handlers come in two kinds: those that say what became of a record, and those that move the consumer to what
 * is to come again. Which one a handler is it says itself, as it does to spring-kafka's own containers; both are asked,
 * the second kind with a consumer that only takes down where it is moved to.
 *
 * <p>Threading: the workers.
 */
public final class ErrorHandling {

    /** What becomes of a failed record. */
    enum Decision {
        /** The error handler has dealt with it: it is finished. */
        RECOVERED,
        /** It is to be handled again. */
        RETRY,
        /** The container is stopping because of it: it stays unfinished. */
        STOP
    }

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(ErrorHandling.class));

    private final CommonErrorHandler handler;

    private final MessageListenerContainer container;

    /** Whether the handler moves the consumer. */
    private final boolean seeks;

    /** The handler's back-offs; null if it is not known how it waits. */
    private final @Nullable BackOffs backOffs;

    public ErrorHandling(CommonErrorHandler handler, MessageListenerContainer container) {
        this.handler = handler;
        this.container = container;
        this.seeks = seeks(handler);
        this.backOffs = BackOffs.of(leaves(handler));
    }

    /** The handler's back-offs; null if it waits on its thread, in a way that is not known. */
    @Nullable BackOffs backOffs() {
        return backOffs;
    }

    /** The handlers that decide on records in the end. */
    private static List<CommonErrorHandler> leaves(CommonErrorHandler handler) {
        List<CommonErrorHandler> delegates = delegates(handler, false);
        return delegates.isEmpty()
                ? List.of(handler)
                : delegates.stream()
                        .flatMap(delegate -> leaves(delegate).stream())
                        .toList();
    }

    /** spring-kafka's own handler does both alike, and saying what became of the record is the shorter way. */
    private static boolean seeks(CommonErrorHandler handler) {
        return handler.getClass() != DefaultErrorHandler.class && handler.seeksAfterHandling();
    }

    /**
     * Refuses an error handler that cannot decide on records.
     *
     * @param batches whether it is to decide on batches
     * @throws IllegalStateException if its answer, or that of one that it delegates to, would be that of the interface,
     *     which says that a record is recovered without having done anything
     */
    public static void check(CommonErrorHandler handler, boolean batches) {
        if (batches) {
            checkForBatches(handler, handler);
        } else {
            check(handler, handler, seeks(handler));
        }
    }

    private static void check(CommonErrorHandler handler, CommonErrorHandler outermost, boolean seeks) {
        List<CommonErrorHandler> delegates = delegates(handler, false);
        if (!delegates.isEmpty()) {
            delegates.forEach(delegate -> check(delegate, outermost, seeks));
        } else if (seeks
                ? !overrides(
                        handler,
                        "handleRemaining",
                        Exception.class,
                        List.class,
                        Consumer.class,
                        MessageListenerContainer.class)
                : !overrides(
                        handler,
                        "handleOne",
                        Exception.class,
                        ConsumerRecord.class,
                        Consumer.class,
                        MessageListenerContainer.class)) {
            throw new ListenerRefusedException(
                    "The error handler " + handler.getClass().getName()
                            + (seeks
                                    ? " does not implement handleRemaining() though seeksAfterHandling() is true"
                                    : " does not implement handleOne()")
                            + (handler == outermost
                                    ? ""
                                    : ", which " + outermost.getClass().getSimpleName() + " would call")
                            + ", so a record that it is asked about would be skipped.",
                    "Implement that method, or use a DefaultErrorHandler.");
        }
    }

    private static void checkForBatches(CommonErrorHandler handler, CommonErrorHandler outermost) {
        List<CommonErrorHandler> delegates = delegates(handler, true);
        if (!delegates.isEmpty()) {
            delegates.forEach(delegate -> checkForBatches(delegate, outermost));
            return;
        }
        boolean returnsRemaining = overrides(
                handler,
                "handleBatchAndReturnRemaining",
                Exception.class,
                ConsumerRecords.class,
                Consumer.class,
                MessageListenerContainer.class,
                Runnable.class);
        boolean handlesBatch = overrides(
                handler,
                "handleBatch",
                Exception.class,
                ConsumerRecords.class,
                Consumer.class,
                MessageListenerContainer.class,
                Runnable.class);
        if (!returnsRemaining && !handlesBatch) {
            throw new ListenerRefusedException(
                    "The error handler " + handler.getClass().getName()
                            + " implements neither handleBatchAndReturnRemaining() nor handleBatch(), so a batch that it is"
                            + " asked about would be skipped.",
                    "Implement one of them, or use a DefaultErrorHandler.");
        }
        if (handler != outermost && returnsRemaining && !handler.seeksAfterHandling()) {
            throw new ListenerRefusedException(
                    "The error handler " + handler.getClass().getName() + " returns what remains of a batch, which "
                            + outermost.getClass().getSimpleName() + " throws away.",
                    "Call setSeekAfterError(true) on it, or use it without the other one.");
        }
    }

    private static boolean overrides(CommonErrorHandler handler, String method, Class<?>... parameters) {
        try {
            return handler.getClass().getMethod(method, parameters).getDeclaringClass() != CommonErrorHandler.class;
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The handlers that one of spring-kafka's two delegating ones may ask; it does not show them otherwise. */
    private static List<CommonErrorHandler> delegates(CommonErrorHandler handler, boolean batches) {
        if (handler instanceof CommonMixedErrorHandler) {
            return delegatesIn(handler, batches ? "batchErrorHandler" : "recordErrorHandler");
        }
        if (handler instanceof CommonDelegatingErrorHandler) {
            return Stream.concat(
                            delegatesIn(handler, "delegates").stream(),
                            delegatesIn(handler, "defaultErrorHandler").stream())
                    .toList();
        }
        return List.of();
    }

    /**
     * The handlers in a private field. In a spring-kafka that has it no more, the handler is taken as it is: not to
     * start for that would be worse than not to check.
     */
    public static List<CommonErrorHandler> delegatesIn(CommonErrorHandler handler, String field) {
        Object value = null;
        try {
            value = new DirectFieldAccessor(handler).getPropertyValue(field);
        } catch (BeansException e) {
            LOG.warn(
                    e,
                    () -> "what " + handler.getClass().getName() + " delegates to cannot be looked at, so nobody checks"
                            + " that it decides on records");
        }
        Stream<?> found = value instanceof Map<?, ?> map ? map.values().stream() : Stream.ofNullable(value);
        return found.filter(CommonErrorHandler.class::isInstance)
                .map(CommonErrorHandler.class::cast)
                .toList();
    }

    /** Decides on a record. */
    public Decision decide(RuntimeException exception, RecordTask task) {
        ErrorHandlerConsumer consumer = new ErrorHandlerConsumer(List.of(task));
        ErrorHandlerContainer seen = new ErrorHandlerContainer(container, task::isOver);
        boolean recovered = false;
        try {
            if (seeks) {
                handler.handleRemaining(exception, List.of(task.record), consumer, seen);
                recovered = true;
            } else {
                recovered = handler.handleOne(exception, task.record, consumer, forHandleOne(seen));
            }
        } catch (RuntimeException e) {
            recovered = !seen.isStopRequested() && consumer.hasPassed(task.record);
            if (!consumer.wantsAgain(task.record)) { // else that is all that the exception says
                log(e, seen);
            }
        }
        if (recovered && !consumer.wantsAgain(task.record)) {
            return Decision.RECOVERED;
        }
        return seen.isStopRequested() ? Decision.STOP : Decision.RETRY;
    }

    /**
     * The container, or null for a handler that uses it for nothing but to sleep while it runs: for no time at all it
     * would still sleep a moment.
     */
    @SuppressWarnings("NullAway") // as spring-kafka's own containers may be missing there
    private ErrorHandlerContainer forHandleOne(ErrorHandlerContainer seen) {
        return BackOffNote.isOpen() && handler.getClass() == DefaultErrorHandler.class ? null : seen;
    }

    /**
     * What becomes of a failed batch.
     *
     * @param again the records that are to be handled again
     * @param stops whether the container is stopping because of it
     */
    record BatchDecision(List<RecordTask> again, boolean stops) {}

    /**
     * Decides on a batch.
     *
     * @param tasks the batch's records in its order
     * @param invokeListener handles the batch once more; error handlers may do that themselves
     */
    public BatchDecision decide(RuntimeException exception, List<RecordTask> tasks, Runnable invokeListener) {
        ErrorHandlerConsumer consumer = new ErrorHandlerConsumer(tasks);
        ErrorHandlerContainer seen =
                new ErrorHandlerContainer(container, () -> tasks.stream().anyMatch(RecordTask::isOver));
        Predicate<RecordTask> again;
        try {
            ConsumerRecords<Object, Object> remaining = handler.handleBatchAndReturnRemaining(
                    exception, RunningBatch.records(tasks), consumer, seen, invokeListener);
            again = task -> consumer.wantsAgain(task.record) || contains(remaining, task);
        } catch (RuntimeException e) {
            if (tasks.stream().noneMatch(task -> consumer.wantsAgain(task.record))) { // else that is all it says
                log(e, seen);
            }
            again = task -> !consumer.hasPassed(task.record);
        }
        List<RecordTask> left = tasks.stream().filter(again).toList();
        return new BatchDecision(left, seen.isStopRequested() && !left.isEmpty());
    }

    private static boolean contains(ConsumerRecords<?, ?> remaining, RecordTask task) {
        return remaining.records(task.partition.partition).stream()
                .anyMatch(record -> record.offset() == task.record.offset());
    }

    private static void log(RuntimeException e, ErrorHandlerContainer seen) {
        String message = seen.isStopRequested()
                ? "the error handler stopped the container"
                : "the error handler threw an exception; what it did not recover will be handled again";
        if (e instanceof KafkaException withLevel) {
            withLevel.selfLog(message, LOG);
        } else {
            LOG.error(e, message);
        }
    }
}
