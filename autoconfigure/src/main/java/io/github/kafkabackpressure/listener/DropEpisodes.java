package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.DropReason;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.core.log.LogAccessor;

/**
 * Tells of the records that a listener drops, not one by one but by episode: it begins with the first one and ends when
 * none has been dropped for some seconds, or after a minute, when the next one may begin.
 *
 * <p>Threading: the consumers' threads, one after the other.
 */
final class DropEpisodes {

    /** An episode is over when nothing has been dropped for so long. */
    static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(5);

    /** An episode lasts no longer, so that somebody who reads the log knows of it while it goes on. */
    static final long LONGEST_NANOS = TimeUnit.MINUTES.toNanos(1);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(DropEpisodes.class));

    private final String id;

    private final DropCounts counts;

    private final Consumer<? super RecordsDroppedEvent> told;

    private Map<DropReason, Long> before = Map.of();

    private long totalBefore;

    private long lastTotal;

    private long begunAt;

    private long droppedAt;

    DropEpisodes(String id, DropCounts counts, Consumer<? super RecordsDroppedEvent> told) {
        this.id = id;
        this.counts = counts;
        this.told = told;
    }

    /** Looks whether an episode has begun or is over. */
    synchronized void update(long now) {
        long total = counts.total();
        if (total == totalBefore) {
            return;
        }
        if (lastTotal == totalBefore) {
            begunAt = now;
        }
        if (total != lastTotal) {
            lastTotal = total;
            droppedAt = now;
        }
        if (now - droppedAt >= QUIET_NANOS || now - begunAt >= LONGEST_NANOS) {
            end(now);
        }
    }

    /** Ends an episode that has begun: the listener stops. */
    synchronized void end(long now) {
        Map<DropReason, Long> after = counts.counts();
        Map<DropReason, Long> dropped = new EnumMap<>(DropReason.class);
        after.forEach((reason, count) -> {
            long more = count - before.getOrDefault(reason, 0L);
            if (more > 0) {
                dropped.put(reason, more);
            }
        });
        long lasted = lastTotal == totalBefore ? 0 : Math.max(0, now - begunAt);
        before = after;
        totalBefore = after.values().stream().mapToLong(Long::longValue).sum();
        lastTotal = totalBefore;
        if (dropped.isEmpty()) {
            return;
        }
        RecordsDroppedEvent event = new RecordsDroppedEvent(id, dropped, Duration.ofNanos(lasted));
        LOG.warn(() -> "The listener '" + id + "' has dropped " + event.total() + " records within "
                + event.duration().toMillis() + " ms: " + text(dropped));
        told.accept(event);
    }

    private @Nullable String text(Map<DropReason, Long> dropped) {
        return dropped.entrySet().stream()
                .map(entry -> entry.getValue() + " by " + counts.strategy(entry.getKey()) + " ("
                        + entry.getKey().text() + ")")
                .collect(Collectors.joining(", "));
    }
}
