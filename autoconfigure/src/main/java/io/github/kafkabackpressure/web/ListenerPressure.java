package io.github.kafkabackpressure.web;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The pressure in a listener: from when a share of {@code max-in-flight} is in flight until it is at its low watermark, and
 * while it is over its soft limit, if it has one.
 *
 * <p>Threading: any thread.
 */
public final class ListenerPressure implements Pressure {

    private final ListenerContainers listeners;

    private final String id;

    private final double share;

    private volatile @Nullable BackpressuredMessageListenerContainer<?, ?> known;

    private volatile boolean over;

    /**
     * @param id of the listener
     * @param share of {@code max-in-flight} from which on it is under pressure, above 0, at most 1
     */
    public ListenerPressure(ListenerContainers listeners, String id, double share) {
        this.listeners = listeners;
        this.id = id;
        this.share = share;
    }

    private @Nullable BackpressuredMessageListenerContainer<?, ?> container() {
        BackpressuredMessageListenerContainer<?, ?> container = known;
        if (container == null || !container.isRunning()) {
            container = listeners.find(id).orElse(null); // it may have been registered anew
            known = container;
        }
        return container;
    }

    @Override
    public boolean isOver() {
        BackpressuredMessageListenerContainer<?, ?> container = container();
        if (container == null) {
            return false;
        }
        long limit = container.getOptions().maxInFlight();
        long inFlight = container.getInFlight();
        double calm = calm(container);
        boolean pressured =
                container.getOptions().overload().softLimit() > 0 && container.getPressure() != BufferState.NORMAL;
        // A benign race: whoever writes last has seen a level at which its answer was right.
        over = pressured || (over ? inFlight > calm : inFlight >= share * limit);
        return over;
    }

    /** With how many records in flight it is over. */
    private double calm(BackpressuredMessageListenerContainer<?, ?> container) {
        return Math.min(container.getOptions().resumeAt(), share)
                * container.getOptions().maxInFlight();
    }

    @Override
    public Duration timeToDrain() {
        BackpressuredMessageListenerContainer<?, ?> container = container();
        if (container == null) {
            return Duration.ZERO;
        }
        ListenerSnapshot now = container.snapshot();
        return Durations.of(
                now.inFlight() - (long) calm(container), now.recent().finishedPerSecond());
    }
}
