package io.github.kafkabackpressure.producer;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import io.micrometer.observation.Observation;
import java.util.Map;
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

        void run(Runnable work);
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
     * propagated may name the one that it was begun in.
     */
    void run(Runnable work) {
        if (logged == null) {
            propagated(work);
            return;
        }
        Map<String, String> before = MDC.getCopyOfContextMap();
        MDC.setContextMap(logged);
        try {
            propagated(work);
        } finally {
            if (before == null) {
                MDC.clear();
            } else {
                MDC.setContextMap(before);
            }
        }
    }

    private void propagated(Runnable work) {
        if (propagated == null) {
            observed(work);
        } else {
            propagated.run(() -> observed(work));
        }
    }

    private void observed(Runnable work) {
        if (observation == null) {
            work.run();
            return;
        }
        Observation.Scope scope = observation.openScope();
        try {
            work.run();
        } finally {
            scope.close();
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
            return work -> {
                ContextSnapshot.Scope scope = snapshot.setThreadLocals();
                try {
                    work.run();
                } finally {
                    scope.close();
                }
            };
        }
    }
}
