package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A look at a listener that answers all of its meters: a scrape asks for them one after the other.
 *
 * <p>Threading: any thread.
 */
final class ListenerLook {

    private static final long HOLDS_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private record Look(ListenerSnapshot snapshot, long at) {}

    private final BackpressuredMessageListenerContainer<?, ?> container;

    private final @Nullable PartitionMeters partitions;

    private volatile @Nullable Look last;

    /** @param partitions told of each new look; null if nobody is */
    ListenerLook(BackpressuredMessageListenerContainer<?, ?> container, @Nullable PartitionMeters partitions) {
        this.container = container;
        this.partitions = partitions;
    }

    ListenerSnapshot now() {
        Look look = last;
        if (look == null || System.nanoTime() - look.at() > HOLDS_NANOS) {
            look = new Look(container.snapshot(), System.nanoTime());
            last = look;
            if (partitions != null) {
                partitions.update(look.snapshot().partitions());
            }
        }
        return look.snapshot();
    }
}
