package io.github.kafkabackpressure.listener;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.DropReason;
import io.github.kafkabackpressure.ListenerRefusedException;
import io.github.kafkabackpressure.listener.overload.Overload;
import io.github.kafkabackpressure.listener.overload.OverloadSettings;
import io.github.kafkabackpressure.rate.SharedRateLimit;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;

/**
 * What outlives the runs of a container of its answers to overload: what it has dropped, its rate limits, how full it is.
 * Makes what one run needs of it.
 *
 * <p>Threading: the thread that starts and stops the container; anyone may ask.
 */
final class ContainerOverload {

    private final ContainerParts container;

    /** Publishes the application's events, if there is a publisher. */
    private final Consumer<Object> events;

    private final LongSupplier inFlight;

    private final OverloadOptions options;

    private final LongSupplier nanoTime = System::nanoTime;

    private @Nullable Supplier<RecordRates> rates;

    private @Nullable RecordRates ownRates;

    private final AtomicReference<@Nullable DropCounts> counts = new AtomicReference<>();

    private volatile @Nullable Pressure pressure;

    /**
     * Makes it.
     *
     * @param events publishes the application's events, if there is a publisher
     * @param inFlight how many records the container has in flight
     */
    ContainerOverload(
            ContainerParts container, ListenerOptions options, Consumer<Object> events, LongSupplier inFlight) {
        this.container = container;
        this.events = events;
        this.inFlight = inFlight;
        this.options = options.overload();
    }

    /** What a container's options are with the rate that holds now, which another container may have changed. */
    ListenerOptions current(ListenerOptions of) {
        RateLimitOptions own = options.rateLimit();
        RateLimitOptions limit = own == null || own.shared() != null ? own : rates().options();
        return limit == null ? of : of.withOverload(of.overload().withRateLimit(limit));
    }

    /** Takes in that limits have been changed. */
    void change(ListenerOptions changed) {
        RateLimitOptions limit = changed.overload().rateLimit();
        if (limit != null && limit.shared() == null && !limit.equals(rates().options())) {
            rates().change(limit);
        }
        Pressure now = pressure;
        if (now != null) {
            now.change(soft(changed), changed.maxInFlight());
        }
    }

    private static long soft(ListenerOptions options) {
        int set = options.overload().softLimit();
        return set > 0 ? Math.min(set, options.maxInFlight()) : Math.max(1, options.maxInFlight() * 4L / 5);
    }

    /** Sets where the rate limits come from that several containers share. */
    void setRates(Supplier<RecordRates> shared) {
        this.rates = shared;
    }

    /** Records dropped since the container was made, by reason. */
    Map<DropReason, Long> dropped() {
        DropCounts now = counts.get();
        return now == null ? Map.of() : now.counts();
    }

    BufferState state() {
        Pressure now = pressure;
        return now == null ? BufferState.NORMAL : now.state();
    }

    /** Makes the signs of a run that begins. */
    LoadSigns signs(ListenerMetrics metrics, ListenerOptions present) {
        String id = container.id();
        DropEpisodes episodes = options.drops() ? new DropEpisodes(id, counts(metrics), events) : null;
        Pressure made = new Pressure(
                soft(present),
                present.maxInFlight(),
                state -> events.accept(new ListenerPressureEvent(id, state, inFlight.getAsLong())));
        pressure = made;
        return new LoadSigns(made, episodes, nanoTime);
    }

    /** What the answers of a run go by. */
    static OverloadSettings settings(OverloadOptions options) {
        return new OverloadSettings(
                options.overflow(),
                options.maxAge(),
                options.droppedTo(),
                options.softLimit(),
                options.shedPriority(),
                options.defaultPriority(),
                options.topicPriority(),
                new Priorities(options)::of);
    }

    /** Makes the answers of a run that begins. */
    ContainerRun.Overloads answers(ListenerMetrics metrics, Executor executor) {
        if (!options.isOn()) {
            return run -> null;
        }
        DropCounts ofContainer = counts(metrics);
        RecordRates limits = rates();
        String topic = options.droppedTo();
        ApplicationContext context = container.context().get();
        DroppedTopic target;
        if (topic == null || !options.drops()) {
            target = null;
        } else if (context == null) {
            throw new ListenerRefusedException(
                    "The listener '" + container.id() + "' has dropped-to, but no application context with a"
                            + " KafkaTemplate.",
                    "Call the factory's setApplicationContext(), or remove dropped-to.");
        } else {
            target = DroppedTopic.of(container.id(), topic, context, ofContainer);
        }
        return run -> {
            run.whenClosed(() -> {
                if (target != null) {
                    target.close();
                }
            });
            return new Overload(run.run, settings(options), limits, ofContainer::count, target, executor);
        };
    }

    private DropCounts counts(ListenerMetrics metrics) {
        counts.compareAndSet(null, new DropCounts(options, metrics));
        DropCounts made = counts.get();
        return made == null ? new DropCounts(options, metrics) : made;
    }

    /** The rate limits, which may be those of several containers. */
    synchronized RecordRates rates() {
        if (rates != null) {
            return rates.get();
        }
        RecordRates known = ownRates;
        if (known == null) {
            known = makeRates(container, options, container.id(), nanoTime);
            ownRates = known;
        }
        return known;
    }

    /**
     * Makes the rate limits of a listener.
     *
     * @param id the id of the listener, or of the one whose records it retries
     */
    static RecordRates makeRates(ContainerParts container, OverloadOptions options, String id, LongSupplier nanoTime) {
        RateLimitOptions limit = options.rateLimit();
        String bean = limit == null ? null : limit.shared();
        SharedRateLimit shared = null;
        if (bean != null) {
            ApplicationContext context = container.context().get();
            if (context == null || !context.containsBean(bean) || !context.isTypeMatch(bean, SharedRateLimit.class)) {
                throw new ListenerRefusedException(
                        "The listener '" + container.id() + "' has rate-limit.shared=" + bean
                                + ", but there is no SharedRateLimit bean of that name.",
                        "Make one; with Bucket4j it is Bucket4jSharedRateLimit.ofBytes(proxyManager).");
            }
            shared = context.getBean(bean, SharedRateLimit.class);
        }
        return new RecordRates(
                options, "kafka-backpressure:" + container.container().getGroupId() + ":" + id, shared, nanoTime);
    }
}
