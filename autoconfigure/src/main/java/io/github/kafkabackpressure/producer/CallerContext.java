package io.github.kafkabackpressure.producer;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import io.micrometer.observation.Observation;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.MDC;
import org.springframework.util.ClassUtils;

/**
 * What surrounds a caller: the diagnostic context of its logs, its observation, and what Micrometer's context
 * propagation knows if that is on the class path. Kafka's interceptors and partitioner see it although another thread
 * hands the record over.
 *
 * <p>Threading: captured by the caller, used once by the sender.
 */
final class CallerContext {

    private static final boolean PROPAGATION =
            ClassUtils.isPresent("io.micrometer.context.ContextSnapshotFactory", CallerContext.class.getClassLoader());

    private final @Nullable Map<String, String> logged;
    private final @Nullable Runner propagated;
    private final @Nullable Observation observation;

    private CallerContext(
            @Nullable Map<String, String> logged, @Nullable Runner propagated, @Nullable Observation observation) {
        this.logged = logged;
        this.propagated = propagated;
        this.observation = observation;
    }

    /** Runs something in a context. */
    private interface Runner {

        void run(Runnable work, Consumer<? super Throwable> leavingFailed);
    }

    /** Null if there is nothing to restore. */
    static @Nullable CallerContext capture(@Nullable Observation observation) {
        Map<String, String> logged = MDC.getCopyOfContextMap();
        if (logged != null && logged.isEmpty()) {
            logged = null;
        }
        Runner propagated = PROPAGATION ? Propagation.capture() : null;
        return logged == null && propagated == null && observation == null
                ? null
                : new CallerContext(logged, propagated, observation);
    }

    /**
     * Runs in this context, and leaves the thread's own as it was. The record's observation is the innermost: what is
     * propagated may name the one that it was begun in. What keeps the work from being begun is thrown, and what the work
     * throws; nothing else: when the context is left, the work is done.
     *
     * @param leavingFailed told of what is thrown when the context is left
     */
    void run(Runnable work, Consumer<? super Throwable> leavingFailed) {
        if (logged == null) {
            propagated(work, leavingFailed);
            return;
        }
        Map<String, String> before = MDC.getCopyOfContextMap();
        MDC.setContextMap(logged);
        try {
            propagated(work, leavingFailed);
        } finally {
            leave(
                    () -> {
                        if (before == null) {
                            MDC.clear();
                        } else {
                            MDC.setContextMap(before);
                        }
                    },
                    leavingFailed);
        }
    }

    private void propagated(Runnable work, Consumer<? super Throwable> leavingFailed) {
        if (propagated == null) {
            observed(work, leavingFailed);
        } else {
            propagated.run(() -> observed(work, leavingFailed), leavingFailed);
        }
    }

    private void observed(Runnable work, Consumer<? super Throwable> leavingFailed) {
        if (observation == null) {
            work.run();
            return;
        }
        Observation.Scope scope = observation.openScope();
        try {
            work.run();
        } finally {
            leave(() -> close(scope), leavingFailed);
        }
    }

    /**
     * One that cannot be closed would stay the thread's, and hold all those after it. The sender has none of its own, so that
     * it may take off all that there are.
     */
    @SuppressWarnings("deprecation") // nothing else takes off a scope whose handlers throw
    private static void close(Observation.Scope scope) {
        try {
            scope.close();
        } catch (Throwable e) {
            scope.reset();
            throw e;
        }
    }

    private static void leave(Runnable scope, Consumer<? super Throwable> leavingFailed) {
        try {
            scope.run();
        } catch (Throwable e) {
            leavingFailed.accept(e);
        }
    }

    /** In a class of its own, because it may be missing. */
    private static final class Propagation {

        private static final ContextSnapshotFactory FACTORY =
                ContextSnapshotFactory.builder().build();

        private Propagation() {}

        static @Nullable Runner capture() {
            ContextSnapshot snapshot = FACTORY.captureAll();
            // The usual one is a map, and mostly empty.
            if (snapshot instanceof Map<?, ?> values && values.isEmpty()) {
                return null;
            }
            return (work, leavingFailed) -> {
                ContextSnapshot.Scope scope = snapshot.setThreadLocals();
                try {
                    work.run();
                } finally {
                    leave(scope::close, leavingFailed);
                }
            };
        }
    }
}
