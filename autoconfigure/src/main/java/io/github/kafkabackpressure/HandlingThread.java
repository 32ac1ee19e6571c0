package io.github.kafkabackpressure;

import java.util.concurrent.Executor;

/**
 * Marks the threads that are handling a record of a listener. While a context closes, these may still send what the
 * records they started call for; every other thread is refused.
 *
 * <p>Threading: each thread marks and unmarks itself; marks nest.
 */
public final class HandlingThread {

    private static final ThreadLocal<Integer> DEPTH = new ThreadLocal<>();

    private HandlingThread() {}

    /** Whether the calling thread is handling a record. */
    public static boolean isHandling() {
        return DEPTH.get() != null;
    }

    /** An executor whose tasks run marked. */
    public static Executor marking(Executor executor) {
        return task -> executor.execute(() -> {
            enter();
            try {
                task.run();
            } finally {
                exit();
            }
        });
    }

    /** Marks the calling thread; {@link #exit()} takes the mark back and belongs into a {@code finally}. */
    public static void enter() {
        Integer depth = DEPTH.get();
        DEPTH.set(depth == null ? 1 : depth + 1);
    }

    /** Takes back the mark of the last {@link #enter()}. Does nothing on a thread that has none. */
    public static void exit() {
        Integer depth = DEPTH.get();
        if (depth == null) {
            return;
        }
        if (depth == 1) {
            DEPTH.remove();
        } else {
            DEPTH.set(depth - 1);
        }
    }
}
