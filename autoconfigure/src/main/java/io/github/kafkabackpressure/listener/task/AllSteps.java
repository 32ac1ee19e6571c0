package io.github.kafkabackpressure.listener.task;

import org.jspecify.annotations.Nullable;

/**
 * Steps that must all be taken, whatever one of them throws: the first of it is thrown after the last step.
 *
 * <p>Threading: one thread's.
 */
public final class AllSteps {

    private @Nullable Throwable thrown;

    /** Takes a step. */
    public void take(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            threw(e);
        }
    }

    /** Takes in what a step has thrown. */
    public void threw(Throwable e) {
        if (thrown == null) {
            thrown = e;
        } else if (e instanceof Error && !(thrown instanceof Error)) {
            e.addSuppressed(thrown);
            thrown = e; // which nobody may take for less
        } else if (e != thrown) {
            thrown.addSuppressed(e);
        }
    }

    /** Throws what a step has thrown: an {@code Error} before all else, else the first. */
    public void end() {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
    }
}
