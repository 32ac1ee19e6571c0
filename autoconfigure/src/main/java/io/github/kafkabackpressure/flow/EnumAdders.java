package io.github.kafkabackpressure.flow;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * A sum for each constant of an enum.
 *
 * <p>Threading: safe for any number of threads.
 *
 * @param <E> the enum
 */
public final class EnumAdders<E extends Enum<E>> {

    private final Class<E> type;

    private final Map<E, LongAdder> adders;

    public EnumAdders(Class<E> type) {
        this.type = type;
        this.adders = new EnumMap<>(type);
        for (E constant : type.getEnumConstants()) {
            adders.put(constant, new LongAdder());
        }
    }

    /** Adds to a constant's sum. */
    public void add(E constant, long amount) {
        LongAdder adder = adders.get(constant);
        if (adder != null) { // always, as each has one
            adder.add(amount);
        }
    }

    /** A constant's sum. */
    public long sum(E constant) {
        LongAdder adder = adders.get(constant);
        return adder == null ? 0 : adder.sum();
    }

    /** The sum of all sums. */
    public long sum() {
        long sum = 0;
        for (LongAdder adder : adders.values()) {
            sum += adder.sum();
        }
        return sum;
    }

    /** All sums. */
    public Map<E, Long> sums() {
        Map<E, Long> sums = new EnumMap<>(type);
        adders.forEach((constant, adder) -> sums.put(constant, adder.sum()));
        return sums;
    }
}
