package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.progress.LaneTask;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * A polled record on its way: what a lane holds, a worker handles and the mailbox brings back.
 *
 * <p>Threading: handed from the consumer's thread to a worker and back by the queues between them.
 */
final class RecordTask extends LaneTask {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(RecordTask.class));

    /** The lane of all keys that cannot be told apart: their class has no {@code equals} or no {@code hashCode}. */
    private static final Object INDISTINGUISHABLE = new Object();

    private static final ClassValue<Boolean> COMPARABLE = new ClassValue<>() {
        @Override
        protected Boolean computeValue(Class<?> type) {
            try {
                return type == byte[].class || (overrides(type, "equals", Object.class) && overrides(type, "hashCode"));
            } catch (NoSuchMethodException | LinkageError e) {
                // A native image without a hint for the class. One lane too few keeps the order, one too many does not.
                LOG.warn(
                        e,
                        () -> "The methods of the key class " + type.getName() + " are not known, so all records of a"
                                + " partition with such keys are handled one after the other. Register a runtime hint"
                                + " for its public methods (MemberCategory.INVOKE_PUBLIC_METHODS).");
                return false;
            }
        }

        private static boolean overrides(Class<?> type, String method, Class<?>... parameters)
                throws NoSuchMethodException {
            return type.getMethod(method, parameters).getDeclaringClass() != Object.class;
        }
    };

    final ConsumerRecord<?, ?> record;

    final PartitionWork partition;

    /** The record's number in the partition's tracker. */
    final long number;

    /** When the record was put on its lane: nanoseconds on the run's clock. */
    final long queuedAt;

    /** Whether the record needs no further handling; written by the worker before the task goes to the mailbox. */
    boolean handled;

    /** Whether it ran when its slice was broken up; as {@link #applied}. */
    boolean leftSlice;

    /** Whether the consumer's thread has taken in that the task is out of its lane; only that thread uses it. */
    boolean applied;

    RecordTask(ConsumerRecord<?, ?> record, PartitionWork partition, long number, long queuedAt) {
        this.record = record;
        this.partition = partition;
        this.number = number;
        this.queuedAt = queuedAt;
    }

    /** Whether a seek has dropped it before it was finished. Called by any thread. */
    boolean isDropped() {
        return !handled && partition.hasDropped(number);
    }

    /** Whether there is nothing to go on with: no attempt is to follow. Called by any thread. */
    boolean isOver() {
        return partition.inFlight.isClosed() || isDropped();
    }

    /** Whether nobody is waited for any more who might say how it ended. Called by any thread. */
    boolean isGivenUp() {
        return partition.gone || isDropped();
    }

    @Override
    protected @Nullable Object laneKey() {
        Object key = record.key();
        if (key == null || key instanceof String || COMPARABLE.get(key.getClass())) {
            return key;
        }
        return INDISTINGUISHABLE;
    }
}
