package io.github.kafkabackpressure.work;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The tasks that may run. What a poll made ready is one batch, from which workers claim task by task: that costs the
 * consumer's thread one queue operation for a poll, and still leaves no task behind another one's slow handler.
 *
 * <p>Threading: safe for all.
 */
final class ReadyTasks<T> {

    private final Queue<Batch<T>> polled = new ConcurrentLinkedQueue<>();

    /** Tasks that have waited for something since they began. */
    private final Queue<T> again = new ConcurrentLinkedQueue<>();

    /** Tasks whose turn in their lane has come, one by one. */
    private final Queue<T> next = new ConcurrentLinkedQueue<>();

    /** Adds what a poll made ready. */
    void addPolled(T[] tasks) {
        polled.add(new Batch<>(tasks));
    }

    /** Adds a task that has waited for something since it began. */
    void addAgain(T task) {
        again.add(task);
    }

    /** Adds a task whose turn in its lane has come. */
    void addNext(T task) {
        next.add(task);
    }

    /** Whether there is none. */
    boolean isEmpty() {
        if (!next.isEmpty() || !again.isEmpty()) {
            return false;
        }
        for (Batch<T> batch : polled) {
            if (!batch.isClaimed()) {
                return false;
            }
        }
        return true;
    }

    /** Whether there may be some; quicker than {@link #isEmpty}. */
    boolean mayHaveSome() {
        return !polled.isEmpty() || !next.isEmpty() || !again.isEmpty();
    }

    /**
     * Claims a task; null if there is none.
     *
     * @param nextFirst whether to look among those first whose turn in their lane has come
     */
    @Nullable T claim(boolean nextFirst) {
        T task = again.poll();
        if (task == null && nextFirst) {
            task = next.poll();
        }
        while (task == null) {
            Batch<T> first = polled.peek();
            if (first == null) {
                return nextFirst ? null : next.poll();
            }
            task = first.claim();
            if (task == null) {
                polled.remove(first);
            }
        }
        return task;
    }

    /** The tasks that one poll made ready, of which each is claimed once. */
    private static final class Batch<T> {

        private final T[] tasks;

        private final AtomicInteger claimed = new AtomicInteger();

        Batch(T[] tasks) {
            this.tasks = tasks;
        }

        boolean isClaimed() {
            return claimed.get() >= tasks.length;
        }

        @Nullable T claim() {
            if (isClaimed()) {
                return null; // without this the counter would go up and up
            }
            int index = claimed.getAndIncrement();
            return index < tasks.length ? tasks[index] : null;
        }
    }
}
