package io.github.kafkabackpressure.listener.consume;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.event.ConsumerStoppedEvent;
import org.springframework.kafka.event.ConsumerStoppingEvent;
import org.springframework.kafka.event.ListenerContainerIdleEvent;
import org.springframework.kafka.event.ListenerContainerNoLongerIdleEvent;
import org.springframework.kafka.event.ListenerContainerPartitionIdleEvent;
import org.springframework.kafka.event.ListenerContainerPartitionNoLongerIdleEvent;

/**
 * Publishes the events of a container, but for those that call it idle while records are in flight: the loop sees only
 * that nothing is polled, which a paused consumer does not do for as long as its workers are busy.
 *
 * <p>Threading: the consumers' threads.
 */
public final class IdleEvents implements ApplicationEventPublisher {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(IdleEvents.class));

    private final ApplicationEventPublisher publisher;

    /** The consumers and partitions that have been called idle. */
    private final Set<Object> idle = ConcurrentHashMap.newKeySet();

    public IdleEvents(ApplicationEventPublisher publisher) {
        this.publisher = publisher;
    }

    @Override
    public void publishEvent(Object event) {
        if (!isToBePublished(event)) {
            return;
        }
        try {
            publisher.publishEvent(event);
        } catch (RuntimeException e) {
            if (!(event instanceof ConsumerStoppingEvent || event instanceof ConsumerStoppedEvent)) {
                throw e;
            }
            // The consumer must be closed yet, and its container told of that.
            LOG.error(e, "an event listener threw an exception while a consumer stops");
        }
    }

    private boolean isToBePublished(Object event) {
        if (event instanceof ListenerContainerIdleEvent of) {
            return becomesIdle(of.getConsumer(), of.getConsumer(), work -> true);
        }
        if (event instanceof ListenerContainerPartitionIdleEvent of) {
            TopicPartition partition = of.getTopicPartition();
            return becomesIdle(of.getConsumer(), partition, work -> work.partition.equals(partition));
        }
        if (event instanceof ListenerContainerNoLongerIdleEvent of) {
            return isNoLongerIdle(of.getConsumer());
        }
        if (event instanceof ListenerContainerPartitionNoLongerIdleEvent of) {
            return isNoLongerIdle(of.getTopicPartition());
        }
        return true;
    }

    private boolean becomesIdle(Consumer<?, ?> consumer, Object what, Predicate<PartitionWork> part) {
        if (consumer instanceof BackpressuredConsumer<?, ?> own
                && own.work().works().stream().anyMatch(work -> part.test(work) && work.inFlight.inFlight() > 0)) {
            return false;
        }
        idle.add(what);
        return true;
    }

    private boolean isNoLongerIdle(@Nullable Object what) {
        return what == null || idle.remove(what);
    }
}
