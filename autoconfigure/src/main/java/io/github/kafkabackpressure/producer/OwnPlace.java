package io.github.kafkabackpressure.producer;

import org.jspecify.annotations.Nullable;

/**
 * The place that a record has just left. What its callbacks send takes it, once: they run on a thread that must not wait
 * for room.
 *
 * <p>Threading: each thread has its own.
 */
final class OwnPlace {

    private static final ThreadLocal<OwnPlace> CURRENT = ThreadLocal.withInitial(OwnPlace::new);

    private @Nullable Object leftIn;

    private OwnPlace() {}

    static OwnPlace current() {
        return CURRENT.get();
    }

    /** A record of that template has ended on this thread, and its callbacks follow; or has not, with null. */
    @Nullable Object left(@Nullable Object template) {
        Object before = leftIn;
        leftIn = template;
        return before;
    }

    /** Whether there is a place of that template; there is none after that. */
    boolean take(Object template) {
        boolean there = leftIn == template;
        if (there) {
            leftIn = null;
        }
        return there;
    }
}
