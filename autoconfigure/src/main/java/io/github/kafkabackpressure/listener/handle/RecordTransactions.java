package io.github.kafkabackpressure.listener.handle;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import io.github.kafkabackpressure.listener.task.RecordTask;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.core.KafkaResourceHolder;
import org.springframework.kafka.listener.AfterRollbackProcessor;
import org.springframework.kafka.listener.ContainerProperties.EOSMode;
import org.springframework.kafka.listener.MessageListenerContainer;
import org.springframework.kafka.transaction.KafkaAwareTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Handles each record in a Kafka transaction of its own that commits the record's offset with what the listener sent.
 * The offset of a partition is one number, so this is only for partitions whose records are handled one at a time, in
 * order.
 *
 * <p>Threading: the workers.
 */
public final class RecordTransactions {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordTransactions.class));

    private final TransactionTemplate template;

    private final KafkaAwareTransactionManager<?, ?> manager;

    private final AfterRollbackProcessor<Object, Object> afterRollback;

    private final MessageListenerContainer container;

    private final LongFunction<OffsetAndMetadata> metadata;

    public RecordTransactions(
            KafkaAwareTransactionManager<?, ?> manager,
            AfterRollbackProcessor<Object, Object> afterRollback,
            MessageListenerContainer container,
            LongFunction<OffsetAndMetadata> metadata) {
        TransactionDefinition definition = container.getContainerProperties().getTransactionDefinition();
        this.template =
                definition == null ? new TransactionTemplate(manager) : new TransactionTemplate(manager, definition);
        this.manager = manager;
        this.afterRollback = afterRollback;
        this.container = container;
        this.metadata = metadata;
    }

    /** Makes an attempt in a transaction, which is rolled back if the attempt fails. */
    public Signal.@Nullable Failed attempt(RecordTask task, Supplier<Signal.@Nullable Failed> attempt) {
        try {
            template.executeWithoutResult(status -> {
                Signal.Failed failure = attempt.get();
                if (failure != null) {
                    throw new RollBack(failure);
                }
                sendOffset(task);
            });
            committed(task);
            return null;
        } catch (RollBack e) {
            return e.failure;
        } catch (RuntimeException e) {
            // The transaction itself failed. The broker refuses an offset under a former generation by this exception.
            boolean ofFormerMember = isCausedBy(e, CommitFailedException.class);
            return new Signal.Failed(ofFormerMember ? new FormerMemberException(e) : e, null);
        }
    }

    /**
     * Decides on a record whose transaction was rolled back.
     *
     * @param errorHandling the user's error handler; without one, what comes after a rollback decides
     */
    public ErrorHandling.Decision decide(
            RuntimeException exception, RecordTask task, @Nullable ErrorHandling errorHandling) {
        if (isCausedBy(exception, ProducerFencedException.class, FencedInstanceIdException.class)
                && container.getContainerProperties().isStopContainerWhenFenced()) {
            container.stopAbnormally(() -> {});
            return ErrorHandling.Decision.STOP;
        }
        ErrorHandling.Decision decision =
                errorHandling == null ? afterRollback(exception, task) : errorHandling.decide(exception, task);
        if (decision == ErrorHandling.Decision.RECOVERED) {
            try {
                template.executeWithoutResult(status -> sendOffset(task));
                committed(task);
            } catch (RuntimeException e) {
                // The next record's transaction commits past this one. If there is none, this one comes again.
                LOG.warn(e, "could not commit the offset of a recovered record");
            }
        }
        return decision;
    }

    @SuppressWarnings("unchecked")
    private ErrorHandling.Decision afterRollback(RuntimeException exception, RecordTask task) {
        ErrorHandlerConsumer consumer = new ErrorHandlerConsumer(List.of(task));
        ErrorHandlerContainer seen = new ErrorHandlerContainer(container, task::isOver);
        Runnable process = () -> afterRollback.process(
                List.of((ConsumerRecord<Object, Object>) task.record),
                (Consumer<Object, Object>) consumer,
                seen,
                exception,
                true,
                EOSMode.V2);
        try {
            if (afterRollback.isProcessInTransaction()) {
                template.executeWithoutResult(status -> process.run());
            } else {
                process.run();
            }
        } catch (RuntimeException e) {
            LOG.error(e, "the after-rollback processor threw an exception; the record will be handled again");
            return seen.isStopRequested() ? ErrorHandling.Decision.STOP : ErrorHandling.Decision.RETRY;
        }
        if (!consumer.wantsAgain(task.record)) {
            return ErrorHandling.Decision.RECOVERED;
        }
        return seen.isStopRequested() ? ErrorHandling.Decision.STOP : ErrorHandling.Decision.RETRY;
    }

    private static boolean isCausedBy(RuntimeException exception, Class<?>... types) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            for (Class<?> type : types) {
                if (type.isInstance(cause)) {
                    return true;
                }
            }
        }
        return false;
    }

    private void sendOffset(RecordTask task) {
        // In this order: the consumer's thread says that the partition is gone before it publishes a newer generation,
        // and one in which the partition was still ours the broker refuses by itself.
        ConsumerGroupMetadata group = task.partition.owner.facts.groupMetadata;
        if (task.isGivenUp()) {
            throw new IllegalStateException("the partition has been given up or sought; the record is handled again");
        }
        if (TransactionSynchronizationManager.getResource(manager.getProducerFactory())
                        instanceof KafkaResourceHolder<?, ?> holder
                && group != null) {
            holder.getProducer()
                    .sendOffsetsToTransaction(
                            Map.of(task.partition.partition, metadata.apply(task.record.offset() + 1)), group);
        } else {
            throw new IllegalStateException("no Kafka transaction is open, or the group is not known yet");
        }
    }

    private static void committed(RecordTask task) {
        task.partition.committed = task.record.offset() + 1;
    }

    /** Forgets the attempts of this thread. */
    void clearThreadState() {
        afterRollback.clearThreadState();
    }

    /**
     * Says that the transaction of a record was refused because the consumer's membership has changed since it was last
     * told. It is nobody's failure: once the membership is known again, the record's next transaction may do.
     */
    public static final class FormerMemberException extends RuntimeException {

        private static final long serialVersionUID = 1L;

        public FormerMemberException(RuntimeException cause) {
            super(cause);
        }
    }

    /** Takes a failure out of the transaction, which rolls it back. */
    private static final class RollBack extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private final transient Signal.Failed failure;

        RollBack(Signal.Failed failure) {
            super(null, failure.exception(), false, false);
            this.failure = failure;
        }
    }
}
