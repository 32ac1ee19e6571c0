package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.SmartLifecycle;
import org.springframework.core.log.LogAccessor;

/**
 * Looks at all listeners once a second, and raises an alarm when one is stalled, stuck or slow: one event, one line in the
 * log and one entry in the listener's timeline when it begins, and one when it is over.
 *
 * <p>Threading: a thread of its own, as whatever it watches may hang.
 */
public final class Watchdog implements SmartLifecycle {

    private static final long INTERVAL_MILLIS = 1000;

    /** How many alarms of a listener may be on; more records than that may hang, but who reads of them all? */
    private static final int MOST_ALARMS = 50;

    /** After so long a group that does not change has shared out its partitions. */
    private static final Duration SETTLED = Duration.ofSeconds(9);

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(Watchdog.class));

    private final ListenerContainers containers;

    private final ApplicationEventPublisher events;

    private final LongSupplier nanoTime;

    private final Map<BackpressuredMessageListenerContainer<?, ?>, Watched> watched = new HashMap<>();

    private volatile @Nullable ScheduledThreadPoolExecutor executor;

    /** What is known of a listener. */
    private static final class Watched {

        private final AlarmRules rules;

        private final Map<String, ListenerAlarm> alarms = new LinkedHashMap<>();

        /** Whether it was told that consumers have nothing to do; once is enough. */
        private boolean toldOfIdle;

        Watched(ListenerOptions options) {
            this.rules = new AlarmRules(options);
        }
    }

    /** @param events who is told */
    public Watchdog(ListenerContainers containers, ApplicationEventPublisher events) {
        this(containers, events, System::nanoTime);
    }

    Watchdog(ListenerContainers containers, ApplicationEventPublisher events, LongSupplier nanoTime) {
        this.containers = containers;
        this.events = events;
        this.nanoTime = nanoTime;
    }

    @Override
    public void start() {
        ScheduledThreadPoolExecutor starting = new ScheduledThreadPoolExecutor(1, work -> {
            Thread thread = new Thread(work, "kafka-backpressure-watchdog");
            thread.setDaemon(true);
            return thread;
        });
        var unused = starting.scheduleWithFixedDelay(
                this::lookSafely, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
        executor = starting;
    }

    @Override
    public void stop() {
        ScheduledThreadPoolExecutor stopping = executor;
        executor = null;
        if (stopping != null) {
            stopping.shutdownNow();
        }
    }

    @Override
    public boolean isRunning() {
        return executor != null;
    }

    private void lookSafely() {
        try {
            look();
        } catch (RuntimeException e) {
            LOG.warn(e, "the listeners could not be looked at; will try again");
        }
    }

    /** Looks once. */
    synchronized void look() {
        List<BackpressuredMessageListenerContainer<?, ?>> present = containers.all();
        watched.keySet().retainAll(new HashSet<>(present));
        for (BackpressuredMessageListenerContainer<?, ?> container : present) {
            Watched of = watched.computeIfAbsent(container, added -> new Watched(added.getOptions()));
            ListenerSnapshot snapshot = container.snapshot();
            warnOfIdle(of, snapshot);
            List<ListenerAlarm> now = of.rules.look(snapshot, nanoTime.getAsLong());
            Set<String> on = new HashSet<>();
            for (ListenerAlarm alarm : now.subList(0, Math.min(now.size(), MOST_ALARMS))) {
                on.add(alarm.key());
                if (!of.alarms.containsKey(alarm.key())) {
                    of.alarms.put(alarm.key(), alarm);
                    raise(container, alarm);
                }
            }
            for (ListenerAlarm alarm : List.copyOf(of.alarms.values())) {
                if (!on.contains(alarm.key())) {
                    of.alarms.remove(alarm.key());
                    clear(container, alarm);
                }
            }
            container.stats().alarms(List.copyOf(of.alarms.values()));
        }
    }

    /** Tells of consumers that have no partition although the group has had time to share them out. */
    private static void warnOfIdle(Watched of, ListenerSnapshot now) {
        long withPartitions = now.partitions().stream()
                .map(ListenerSnapshot.Partition::consumer)
                .distinct()
                .count();
        if (!of.toldOfIdle
                && withPartitions > 0
                && withPartitions < now.consumers()
                && now.recent().time().compareTo(SETTLED) >= 0) {
            of.toldOfIdle = true;
            LOG.warn(() ->
                    "listener '" + now.id() + "': " + (now.consumers() - withPartitions) + " of " + now.consumers()
                            + " consumers have no partition; with all members of the group together, more concurrency than there are"
                            + " partitions is of no use");
        }
    }

    private void raise(BackpressuredMessageListenerContainer<?, ?> container, ListenerAlarm alarm) {
        LOG.warn(() -> "listener '" + alarm.listener() + "': " + alarm.text() + alarm.stack());
        container.stats().raised(alarm);
        publish(alarm);
    }

    private void clear(BackpressuredMessageListenerContainer<?, ?> container, ListenerAlarm alarm) {
        LOG.info(() -> "listener '" + alarm.listener() + "': this is over: " + alarm.text());
        container.stats().cleared(alarm);
        publish(alarm.cleared());
    }

    private void publish(ListenerAlarm alarm) {
        try {
            events.publishEvent(alarm);
        } catch (RuntimeException e) {
            LOG.warn(e, "an event listener failed with an alarm");
        }
    }
}
