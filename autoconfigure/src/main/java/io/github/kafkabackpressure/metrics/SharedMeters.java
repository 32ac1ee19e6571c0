package io.github.kafkabackpressure.metrics;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * Meters that are in a registry for as long as what they measure is there. A registry has one meter of a name and tags: if
 * there are two things of one name, as in two contexts with the same registry, it has those of the one that came first, and
 * once that is gone those of the other.
 *
 * <p>Threading: any thread.
 */
abstract class SharedMeters {

    @GuardedBy("SharedMeters.class") private static final Map<MeterRegistry, Map<String, List<SharedMeters>>> BY_NAME = new WeakHashMap<>();

    private final MeterRegistry registry;

    private final String name;

    @GuardedBy("SharedMeters.class") private List<Meter> registered = List.of();

    /** @param name tells what is measured from others */
    SharedMeters(MeterRegistry registry, String name) {
        this.registry = registry;
        this.name = name;
    }

    /** Registers the meters and returns them. */
    abstract List<Meter> register(MeterRegistry meters);

    /** Puts the meters into the registry, now or once another one's are gone. */
    final void open() {
        synchronized (SharedMeters.class) {
            List<SharedMeters> all = BY_NAME.computeIfAbsent(registry, key -> new HashMap<>())
                    .computeIfAbsent(name, key -> new ArrayList<>());
            all.add(this);
            if (all.get(0) == this) {
                registered = register(registry);
            }
        }
    }

    /** Takes the meters out of the registry. */
    final void remove() {
        synchronized (SharedMeters.class) {
            Map<String, List<SharedMeters>> named = BY_NAME.getOrDefault(registry, Map.of());
            List<SharedMeters> all = named.get(name);
            if (all == null || !all.remove(this)) {
                return;
            }
            registered.forEach(registry::remove);
            boolean owned = !registered.isEmpty();
            registered = List.of();
            if (all.isEmpty()) {
                named.remove(name);
            } else if (owned) {
                SharedMeters next = all.get(0);
                next.registered = next.register(registry);
            }
        }
    }
}
