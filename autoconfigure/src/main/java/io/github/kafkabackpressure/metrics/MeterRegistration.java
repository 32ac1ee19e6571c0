package io.github.kafkabackpressure.metrics;

import io.github.kafkabackpressure.listener.ListenerSnapshot;
import io.github.kafkabackpressure.listener.ListenerSnapshot.Totals;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Registers meters that read a look at a listener, and remembers which.
 *
 * <p>Threading: one thread; the meters may be read by any.
 */
final class MeterRegistration {

    private final MeterRegistry registry;

    private final String prefix;

    private final Tags tags;

    private final ListenerLook look;

    private final List<Meter> meters = new ArrayList<>();

    /**
     * @param prefix begins each meter's name
     * @param tags all of them have
     * @param look what they read; whoever registers holds it, as the registry does so only weakly
     */
    MeterRegistration(MeterRegistry registry, String prefix, Tags tags, ListenerLook look) {
        this.registry = registry;
        this.prefix = prefix;
        this.tags = tags;
        this.look = look;
    }

    List<Meter> meters() {
        return meters;
    }

    void gauge(String name, @Nullable String unit, String description, ToDoubleFunction<ListenerSnapshot> value) {
        gauge(name, unit, description, Tags.empty(), value);
    }

    void gauge(
            String name,
            @Nullable String unit,
            String description,
            Tags more,
            ToDoubleFunction<ListenerSnapshot> value) {
        meters.add(Gauge.builder(prefix + name, look, of -> value.applyAsDouble(of.now()))
                .description(description)
                .baseUnit(unit)
                .tags(tags.and(more))
                .register(registry));
    }

    void seconds(String name, String description, ToDoubleFunction<ListenerSnapshot> value) {
        seconds(name, description, Tags.empty(), value);
    }

    void seconds(String name, String description, Tags more, ToDoubleFunction<ListenerSnapshot> value) {
        meters.add(TimeGauge.builder(prefix + name, look, TimeUnit.SECONDS, of -> value.applyAsDouble(of.now()))
                .description(description)
                .tags(tags.and(more))
                .register(registry));
    }

    void counter(String name, @Nullable String unit, String description, Tags more, ToDoubleFunction<Totals> value) {
        meters.add(FunctionCounter.builder(
                        prefix + name, look, of -> value.applyAsDouble(of.now().totals()))
                .description(description)
                .baseUnit(unit)
                .tags(tags.and(more))
                .register(registry));
    }

    void timer(
            String name,
            String description,
            Tags more,
            ToLongFunction<Totals> count,
            ToDoubleFunction<Totals> seconds) {
        meters.add(FunctionTimer.builder(
                        prefix + name,
                        look,
                        of -> count.applyAsLong(of.now().totals()),
                        of -> seconds.applyAsDouble(of.now().totals()),
                        TimeUnit.SECONDS)
                .description(description)
                .tags(tags.and(more))
                .register(registry));
    }
}
