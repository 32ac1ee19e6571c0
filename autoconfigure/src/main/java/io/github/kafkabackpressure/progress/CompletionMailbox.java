package io.github.kafkabackpressure.progress;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The finished tasks that the consumer's thread has not looked at yet: a stack whose links are in the tasks themselves,
 * so that a completion costs one compare-and-set and no allocation. It is only ever emptied as a whole, hence no ABA.
 *
 * <p>Threading: any worker puts, the consumer's thread takes.
 */
public final class CompletionMailbox {

    private final AtomicReference<@Nullable LaneTask> top = new AtomicReference<>();

    /** Puts a finished task, which must not be in a mailbox already. */
    public void put(LaneTask task) {
        while (true) {
            LaneTask previous = top.get();
            task.nextInMailbox = previous;
            if (top.compareAndSet(previous, task)) {
                return;
            }
        }
    }

    /** Takes all that is there, newest first; go on with {@link #next}. Null if there is nothing. */
    public @Nullable LaneTask takeAll() {
        return top.get() == null ? null : top.getAndSet(null);
    }

    /** The next one of those that were taken together, or null. Unlinks the given one. */
    public static @Nullable LaneTask next(LaneTask task) {
        LaneTask next = task.nextInMailbox;
        task.nextInMailbox = null;
        return next;
    }

    public boolean isEmpty() {
        return top.get() == null;
    }
}
