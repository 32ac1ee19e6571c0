package io.github.kafkabackpressure.actuate;

import io.github.kafkabackpressure.listener.BackpressuredMessageListenerContainer;
import io.github.kafkabackpressure.listener.ListenerAlarm;
import io.github.kafkabackpressure.listener.ListenerContainers;
import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.github.kafkabackpressure.listener.ListenerSnapshot.State;
import io.github.kafkabackpressure.producer.BackpressuredKafkaTemplate;
import io.github.kafkabackpressure.producer.ProducerSnapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * The health contributor {@code kafkaBackpressure}. Down: a listener died, or an alarm of the watchdog has been on for longer
 * than the grace time. Out of service: a listener or a buffer has been over its threshold for longer than that.
 *
 * <p>Threading: any thread.
 */
public final class BackpressureHealthIndicator extends AbstractHealthIndicator {

    private final ListenerContainers listeners;

    private final Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers;

    private final Thresholds thresholds;

    private final LongSupplier nanoTime;

    /** Since when what is over its threshold has been so. */
    private final Map<String, Long> overSince = new ConcurrentHashMap<>();

    /**
     * When what lasts counts.
     *
     * @param grace how long it may last
     * @param listener the share of {@code max-in-flight} from which on a listener is out of service; 0: never
     * @param producer the share of {@code max-buffered}, or of {@code max-buffered-bytes}, from which on a buffer is; 0: never
     */
    public record Thresholds(Duration grace, double listener, double producer) {}

    /** @param producers gives the application's buffered templates */
    public BackpressureHealthIndicator(
            ListenerContainers listeners,
            Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers,
            Thresholds thresholds) {
        this(listeners, producers, thresholds, System::nanoTime);
    }

    BackpressureHealthIndicator(
            ListenerContainers listeners,
            Supplier<List<? extends BackpressuredKafkaTemplate<?, ?>>> producers,
            Thresholds thresholds,
            LongSupplier nanoTime) {
        super("what the listeners do could not be found out");
        this.listeners = listeners;
        this.producers = producers;
        this.thresholds = thresholds;
        this.nanoTime = nanoTime;
    }

    @Override
    protected void doHealthCheck(Health.Builder health) {
        boolean down = false;
        boolean over = false;
        Map<String, Object> ofListeners = new LinkedHashMap<>();
        for (BackpressuredMessageListenerContainer<?, ?> container : listeners.all()) {
            ListenerSnapshot now = container.snapshot();
            boolean overNow = isOver(
                    "listener " + now.id(),
                    now.state() == State.RUNNING
                            && isAbove(
                                    thresholds.listener(),
                                    now.inFlight(),
                                    now.limits().maxInFlight()));
            down |= isDown(now);
            over |= overNow;
            ofListeners.put(now.id(), details(now, overNow));
        }
        Map<String, Object> ofProducers = new LinkedHashMap<>();
        for (BackpressuredKafkaTemplate<?, ?> template : producers.get()) {
            ProducerSnapshot now = template.snapshot();
            boolean overNow = isOver(
                    "producer " + now.name(),
                    isAbove(thresholds.producer(), now.buffered(), now.maxBuffered())
                            || isAbove(thresholds.producer(), now.bufferedBytes(), now.maxBufferedBytes()));
            over |= overNow;
            ofProducers.put(now.name(), details(now, overNow));
        }
        health.withDetail("listeners", ofListeners).withDetail("producers", ofProducers);
        if (down) {
            health.down();
        } else if (over) {
            health.outOfService();
        } else {
            health.up();
        }
    }

    private static boolean isAbove(double share, long value, long limit) {
        return share > 0 && limit > 0 && value >= share * limit;
    }

    private boolean isOver(String what, boolean above) {
        if (!above) {
            overSince.remove(what);
            return false;
        }
        long now = nanoTime.getAsLong();
        Long since = overSince.putIfAbsent(what, now);
        return now - (since == null ? now : since) >= thresholds.grace().toNanos();
    }

    private boolean isDown(ListenerSnapshot now) {
        return now.state() == State.FAILED || now.alarms().stream().anyMatch(this::isPastGrace);
    }

    private boolean isPastGrace(ListenerAlarm alarm) {
        return Duration.between(alarm.since(), Instant.now()).compareTo(thresholds.grace()) >= 0;
    }

    private static Map<String, @Nullable Object> details(ListenerSnapshot now, boolean over) {
        Map<String, @Nullable Object> details = new LinkedHashMap<>();
        details.put("state", Json.name(now.state()));
        details.put("inFlight", now.inFlight());
        details.put("maxInFlight", now.limits().maxInFlight());
        details.put("frontierLag", now.frontierLag());
        if (over) {
            details.put("over", true);
        }
        if (now.failure() != null) {
            details.put("failure", Json.failure(now.failure()));
        }
        if (!now.alarms().isEmpty()) {
            details.put("alarms", now.alarms().stream().map(ListenerAlarm::text).toList());
        }
        return details;
    }

    private static Map<String, @Nullable Object> details(ProducerSnapshot now, boolean over) {
        Map<String, @Nullable Object> details = new LinkedHashMap<>();
        details.put("state", Json.name(now.state()));
        details.put("buffered", now.buffered());
        details.put("maxBuffered", now.maxBuffered());
        if (over) {
            details.put("over", true);
        }
        return details;
    }
}
