package io.github.kafkabackpressure.producer;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;

/**
 * The records that callers are handing to Kafka on their own threads right now. Kafka may keep them waiting, and a
 * shutdown must know of them. A table of slots, because there may be a million of these a second; who finds none writes
 * into a set.
 *
 * <p>Threading: any thread.
 */
final class CallersHands<K, V> {

    private static final int SLOTS = 64;
    private static final int PROBES = 4;

    /** Slots in use are not in one cache line. */
    private static final int STRIDE = 16;

    private static final int NO_SLOT = -1;

    private final AtomicReferenceArray<PendingSend<K, V>> slots = new AtomicReferenceArray<>(SLOTS * STRIDE);
    private final Set<PendingSend<K, V>> others = ConcurrentHashMap.newKeySet();

    /** Returns what {@link #leave} needs. */
    int enter(PendingSend<K, V> send) {
        long thread = Thread.currentThread().getId();
        for (int probe = 0; probe < PROBES; probe++) {
            int slot = (int) ((thread + probe) % SLOTS) * STRIDE;
            if (slots.get(slot) == null && slots.compareAndSet(slot, null, send)) {
                return slot;
            }
        }
        others.add(send);
        return NO_SLOT;
    }

    void leave(int slot, PendingSend<K, V> send) {
        if (slot == NO_SLOT) {
            others.remove(send);
        } else {
            slots.lazySet(slot, null);
        }
    }

    void forEach(Consumer<PendingSend<K, V>> action) {
        for (int slot = 0; slot < SLOTS * STRIDE; slot += STRIDE) {
            PendingSend<K, V> send = slots.get(slot);
            if (send != null) {
                action.accept(send);
            }
        }
        others.forEach(action);
    }
}
