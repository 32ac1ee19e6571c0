package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.listener.consume.LoadListener;
import java.util.function.LongSupplier;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * What a listener tells of its load: its pressure, and the records that it drops. Looked at once in each tick.
 *
 * <p>Threading: the consumers' threads, and the lifecycle at the end.
 */
final class LoadSigns implements LoadListener {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(LoadSigns.class));

    private final @Nullable Pressure pressure;

    private final @Nullable DropEpisodes episodes;

    private final LongSupplier nanoTime;

    LoadSigns(@Nullable Pressure pressure, @Nullable DropEpisodes episodes, LongSupplier nanoTime) {
        this.pressure = pressure;
        this.episodes = episodes;
        this.nanoTime = nanoTime;
    }

    /** Tells nothing. */
    static LoadSigns none() {
        return new LoadSigns(null, null, () -> 0);
    }

    @Override
    public void update(long inFlight, boolean full) {
        if (pressure == null || (episodes == null && pressure.isNormalWith(inFlight, full))) {
            return;
        }
        long now = nanoTime.getAsLong();
        try {
            pressure.update(inFlight, full, now);
            if (episodes != null) {
                episodes.update(now);
            }
        } catch (RuntimeException e) {
            LOG.error(e, "a listener of the application's events has failed");
        }
    }

    /** Tells the rest: the listener stops. */
    void end() {
        try {
            if (pressure != null) {
                pressure.end();
            }
            if (episodes != null) {
                episodes.end(nanoTime.getAsLong());
            }
        } catch (RuntimeException e) {
            LOG.error(e, "a listener of the application's events has failed");
        }
    }
}
