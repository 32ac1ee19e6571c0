package io.github.kafkabackpressure.listener.consume;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.BatchAcknowledgingConsumerAwareMessageListener;
import org.springframework.kafka.listener.ConsumerSeekAware;
import org.springframework.kafka.support.Acknowledgment;

/**
 * The listener that spring-kafka's loop calls in place of the user's: hands whole polls to the consumer that they came
 * from, and never acknowledges.
 *
 * <p>Threading: the consumers' threads.
 */
public final class DispatchingListener
        implements BatchAcknowledgingConsumerAwareMessageListener<Object, Object>, ConsumerSeekAware {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(DispatchingListener.class));

    private static final String CLOSED = "the listener threw an exception after its consumer was closed";

    /** The user's listener, if it wants to seek. */
    private final @Nullable ConsumerSeekAware seekAware;

    /** The callback that the user's listener gets, by the one of the loop: one for each consumer, always the same. */
    private final Map<ConsumerSeekCallback, ConsumerSeekCallback> seekCallbacks = new ConcurrentHashMap<>();

    private final ConsumerSide side;

    public DispatchingListener(Object listener, ConsumerSide side) {
        this.seekAware = listener instanceof ConsumerSeekAware aware ? aware : null;
        this.side = side;
    }

    @Override
    public boolean wantsPollResult() {
        return true;
    }

    @Override
    public void onMessage(
            ConsumerRecords<Object, Object> records,
            @Nullable Acknowledgment acknowledgment,
            Consumer<Object, Object> consumer) {
        ((BackpressuredConsumer<Object, Object>) consumer).dispatch(records);
    }

    @Override
    public void onMessage(
            List<ConsumerRecord<Object, Object>> records,
            @Nullable Acknowledgment acknowledgment,
            @Nullable Consumer<?, ?> consumer) {
        throw new IllegalStateException("polls are handed over as a whole");
    }

    @Override
    public void registerSeekCallback(ConsumerSeekCallback callback) {
        if (seekAware != null) {
            seekAware.registerSeekCallback(
                    seekCallbacks.computeIfAbsent(callback, key -> new WakingSeekCallback(key, side.run::wakeLoops)));
        }
    }

    @Override
    public void onPartitionsAssigned(Map<TopicPartition, Long> assignments, ConsumerSeekCallback callback) {
        if (seekAware != null) {
            seekAware.onPartitionsAssigned(assignments, callback);
        }
    }

    @Override
    public void onPartitionsRevoked(@Nullable Collection<TopicPartition> partitions) {
        if (seekAware == null) {
            return;
        }
        try {
            seekAware.onPartitionsRevoked(partitions);
        } catch (RuntimeException e) {
            if (partitions == null || !partitions.isEmpty()) {
                throw e;
            }
            LOG.error(e, CLOSED); // the loop has yet to say that it has ended
        }
    }

    @Override
    public void onIdleContainer(Map<TopicPartition, Long> assignments, ConsumerSeekCallback callback) {
        if (seekAware != null && !side.isInFlight(assignments.keySet())) {
            seekAware.onIdleContainer(assignments, callback);
        }
    }

    @Override
    public void onFirstPoll() {
        if (seekAware != null) {
            seekAware.onFirstPoll();
        }
    }

    @Override
    public void unregisterSeekCallback() {
        if (seekAware != null) {
            try {
                seekAware.unregisterSeekCallback();
            } catch (RuntimeException e) {
                LOG.error(e, CLOSED);
            }
        }
    }
}
