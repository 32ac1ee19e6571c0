package io.github.kafkabackpressure.listener;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The runs of a container, of which there is one at a time, and why the last one ended.
 *
 * <p>Threading: the lifecycle's threads write, anyone reads.
 */
final class ContainerRuns {

    private final AtomicReference<@Nullable ContainerRun> present = new AtomicReference<>();

    /** What the last start failed with. */
    private volatile @Nullable Throwable startFailure;

    /** The last run, if it ended though nobody stopped it. */
    private volatile @Nullable ContainerRun failedRun;

    /** The present run; null if there is none. */
    @Nullable ContainerRun present() {
        return present.get();
    }

    /** Takes in that the container is to start. */
    void begin() {
        startFailure = null;
        failedRun = null;
    }

    /** Takes in what a start failed with. */
    void startFailed(Throwable cause) {
        startFailure = cause;
    }

    void started(ContainerRun run) {
        present.set(run);
    }

    /** Takes in that a run ends though nobody stops it. */
    void died(ContainerRun run) {
        failedRun = run;
    }

    /** Ends the workers of a run whose consumers are closed. Returns whether it was the present one. */
    boolean end(ContainerRun run) {
        run.close();
        return present.compareAndSet(run, null);
    }

    /** What the last start failed with, or the last run ended by; null if that is not known or there was no failure. */
    @Nullable Throwable failure() {
        Throwable ofStart = startFailure;
        ContainerRun ended = failedRun;
        return ofStart != null || ended == null ? ofStart : ended.run.failure.cause();
    }

    /** Records polled and not finished. */
    long inFlight() {
        ContainerRun now = present.get();
        return now == null ? 0 : now.run.limit.inFlight();
    }

    /** Waits until nothing is in flight; false if something still is. */
    boolean awaitNothingInFlight(Duration timeout) {
        ContainerRun now = present.get();
        return now == null || now.awaitNothingInFlight(timeout);
    }

    /** spring-kafka wakes only a loop that polls already; one that has just looked would poll on for its whole timeout. */
    void wakeLoops() {
        ifPresent(now -> now.run.wakeLoops());
    }

    void ifPresent(Consumer<ContainerRun> action) {
        ContainerRun now = present.get();
        if (now != null) {
            action.accept(now);
        }
    }
}
