package io.github.kafkabackpressure.listener.handle;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.commons.logging.LogFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.BeansException;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.CommonErrorHandler;
import org.springframework.kafka.listener.DefaultBackOffHandler;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.util.backoff.BackOff;

/**
 * The back-offs of error handlers that are spring-kafka's own: how long they would wait, and what they remember of a
 * record meanwhile. They sleep on the thread that asks them and remember by that thread; with both in our hands a record
 * can wait without one, and its next attempt can be made by another.
 *
 * <p>What they remember is in private fields, which are only read. In a spring-kafka that has them no more, a handler is
 * as one that is not known: it sleeps on its worker.
 *
 * <p>Threading: the workers.
 */
final class BackOffs {

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(BackOffs.class));

    /** Of each handler that may be asked: what it remembers, by thread. */
    private final List<Map<Thread, Object>> failures;

    private BackOffs(List<Map<Thread, Object>> failures) {
        this.failures = failures;
    }

    /**
     * The back-offs of error handlers, all of which may be asked; null if one of them is not known.
     *
     * @param handlers what an error handler delegates to, or it alone
     */
    static @Nullable BackOffs of(List<CommonErrorHandler> handlers) {
        List<DirectFieldAccessor> known = new ArrayList<>();
        List<Map<Thread, Object>> failures = new ArrayList<>();
        try {
            for (CommonErrorHandler handler : handlers) {
                DirectFieldAccessor tracker = isKnown(handler) ? tracker(handler) : null;
                if (tracker == null || !(tracker.getPropertyValue("backOffHandler") instanceof DefaultBackOffHandler)) {
                    return null;
                }
                known.add(tracker);
                failures.add(failures(tracker));
            }
            for (int i = 0; i < handlers.size(); i++) {
                note((DefaultErrorHandler) handlers.get(i), known.get(i));
            }
        } catch (BeansException | ClassCastException e) {
            LOG.debug(e, "the back-off of the error handler cannot be looked at; it sleeps on workers' threads");
            return null;
        }
        return new BackOffs(failures);
    }

    /** Whether what a handler does with a record, and what it remembers, is spring-kafka's. */
    private static boolean isKnown(CommonErrorHandler handler) {
        return handler instanceof DefaultErrorHandler
                && isOwn(handler, "handleOne", 4)
                && isOwn(handler, "handleRemaining", 4)
                && isOwn(handler, "clearThreadState", 0);
    }

    private static boolean isOwn(CommonErrorHandler handler, String name, int parameters) {
        return List.of(handler.getClass().getMethods()).stream()
                .filter(method ->
                        method.getName().equals(name) && method.getParameterCount() == parameters && !method.isBridge())
                .allMatch(method -> method.getDeclaringClass().getPackage() == DefaultErrorHandler.class.getPackage());
    }

    private static @Nullable DirectFieldAccessor tracker(CommonErrorHandler handler) {
        Object tracker = new DirectFieldAccessor(handler).getPropertyValue("failureTracker");
        return tracker == null ? null : new DirectFieldAccessor(tracker);
    }

    @SuppressWarnings("unchecked")
    private static Map<Thread, Object> failures(DirectFieldAccessor tracker) {
        Object failures = tracker.getPropertyValue("failures");
        if (failures == null) {
            throw new ClassCastException("no failures");
        }
        return (Map<Thread, Object>) failures;
    }

    /** Has a handler's back-offs note their times. */
    @SuppressWarnings("unchecked")
    private static void note(DefaultErrorHandler handler, DirectFieldAccessor tracker) {
        Object before = new DirectFieldAccessor(handler).getPropertyValue("userBackOffFunction");
        Object usual = tracker.getPropertyValue("backOff");
        if (before instanceof NotingFunction) {
            return; // by another container, or by this one when it was started before
        }
        if (before == null || usual == null) {
            throw new ClassCastException("no back-off");
        }
        handler.setBackOffFunction(new NotingFunction(
                (BiFunction<ConsumerRecord<?, ?>, Exception, @Nullable BackOff>) before, (BackOff) usual));
    }

    /** Takes what is remembered by the calling thread away from it. */
    List<@Nullable Object> takeFromThread() {
        List<@Nullable Object> taken = new ArrayList<>();
        for (Map<Thread, Object> each : failures) {
            taken.add(each.remove(Thread.currentThread()));
        }
        return taken;
    }

    /** Has the calling thread remember what was taken from another one. */
    void giveToThread(List<@Nullable Object> taken) {
        for (int i = 0; i < taken.size(); i++) {
            Object remembered = taken.get(i);
            if (remembered != null) {
                failures.get(i).put(Thread.currentThread(), remembered);
            }
        }
    }

    /** Chooses back-offs as the user's function does, or takes the usual one, and has it noted. */
    private record NotingFunction(BiFunction<ConsumerRecord<?, ?>, Exception, @Nullable BackOff> before, BackOff usual)
            implements BiFunction<ConsumerRecord<?, ?>, Exception, @Nullable BackOff> {

        @Override
        public BackOff apply(ConsumerRecord<?, ?> record, Exception exception) {
            BackOff chosen = before.apply(record, exception);
            return BackOffNote.noting(chosen == null ? usual : chosen);
        }
    }
}
