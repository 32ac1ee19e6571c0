package io.github.kafkabackpressure.listener.task;

import org.jspecify.annotations.Nullable;

/**
 * Why a run ends, if not because somebody stops it.
 *
 * <p>Threading: any thread.
 */
public final class RunFailure {

    private volatile @Nullable Throwable cause;

    /** Takes in what may be why the run ends. */
    public void failedBy(Throwable failure) {
        cause = failure;
    }

    /** Takes in that something was not why the run ends. */
    public void hasRecoveredFrom(Throwable failure) {
        if (cause == failure) {
            cause = null;
        }
    }

    /** Why the run ends; null if that is not known. */
    public @Nullable Throwable cause() {
        return cause;
    }
}
