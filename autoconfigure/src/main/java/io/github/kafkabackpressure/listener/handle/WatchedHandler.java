package io.github.kafkabackpressure.listener.handle;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.apache.commons.logging.LogFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.BeansException;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.core.log.LogAccessor;
import org.springframework.kafka.listener.adapter.DelegatingInvocableHandler;
import org.springframework.kafka.listener.adapter.HandlerAdapter;
import org.springframework.kafka.listener.adapter.InvocationResult;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;
import org.springframework.messaging.Message;
import org.springframework.util.ClassUtils;
import reactor.core.publisher.Mono;

/**
 * The handler of a listener whose results come later, between spring-kafka's adapter and the user's methods. It tells an
 * attempt which results there are and when the adapter is through with each: by itself the adapter says nothing of a
 * method that returned null, of a failure that the listener's own error handler dealt with, or of a reply that could not
 * be sent.
 *
 * <p>Threading: the workers, and whoever completes a result.
 */
public final class WatchedHandler extends HandlerAdapter {

    private static final boolean REACTOR_PRESENT =
            ClassUtils.isPresent("reactor.core.publisher.Mono", WatchedHandler.class.getClassLoader());

    /** Where the adapter keeps its handler; it does not show it otherwise. */
    public static final String FIELD = "handlerMethod";

    private static final LogAccessor LOG = new LogAccessor(LogFactory.getLog(WatchedHandler.class));

    private final HandlerAdapter handler;

    /** The methods, of several, that say by an acknowledgment when a record is finished. */
    private final Set<String> acknowledging;

    private WatchedHandler(HandlerAdapter handler, Set<String> acknowledging) {
        super(new DelegatingInvocableHandler(List.of(), null, handler.getBean(), null, null, null, null));
        this.handler = handler;
        this.acknowledging = acknowledging;
    }

    /**
     * Puts itself between an adapter and its handler; once, however often the container is started.
     *
     * @param acknowledging the methods, of several, that say by an acknowledgment when a record is finished
     * @return false if this spring-kafka keeps its handler elsewhere: then only what the adapter says itself is known
     */
    public static boolean watch(MessagingMessageListenerAdapter<?, ?> adapter, List<Method> acknowledging) {
        adapter.setCallbackForAsyncFailure((record, failure) -> {
            RecordAcknowledgment current = RecordAcknowledgment.current();
            if (current != null) {
                current.resultFailed(failure);
            }
        });
        Object handler;
        try {
            handler = new DirectFieldAccessor(adapter).getPropertyValue(FIELD);
        } catch (BeansException e) {
            LOG.warn(e, "the handler of a listener cannot be looked at; a result that is null is waited for in vain");
            return false;
        }
        HandlerAdapter unwatched =
                handler instanceof WatchedHandler watched ? watched.handler : (HandlerAdapter) handler;
        if (unwatched != null) {
            adapter.setHandlerMethod(new WatchedHandler(
                    unwatched,
                    acknowledging.stream().map(Method::toGenericString).collect(Collectors.toSet())));
        }
        return handler != null;
    }

    @Override
    public @Nullable Object invoke(Message<?> message, @Nullable Object... arguments) throws Exception {
        RecordAcknowledgment attempt = attempt(arguments);
        if (attempt == null) {
            return handler.invoke(message, arguments);
        }
        if (!acknowledging.isEmpty() && acknowledging.contains(getMethodAsString(message.getPayload()))) {
            attempt.expectAcknowledgment();
        }
        Object returned;
        try {
            returned = handler.invoke(message, arguments);
        } catch (Exception e) {
            attempt.expectNoAcknowledgment();
            throw e;
        }
        if (isLate(returned instanceof InvocationResult result ? result.result() : returned)) {
            attempt.expectNoAcknowledgment(); // the adapter acknowledges
        }
        return returned instanceof InvocationResult result
                ? new InvocationResult(watched(result.result(), attempt), result.sendTo(), result.messageReturnType())
                : watched(returned, attempt);
    }

    private static boolean isLate(@Nullable Object returned) {
        return returned instanceof CompletableFuture<?> || (REACTOR_PRESENT && Reactor.isMono(returned));
    }

    private static @Nullable RecordAcknowledgment attempt(@Nullable Object... arguments) {
        for (Object argument : arguments) {
            if (argument instanceof RecordAcknowledgment attempt && attempt.isByResult()) {
                return attempt;
            }
        }
        return null;
    }

    @SuppressWarnings("FutureReturnValueIgnored") // the adapter takes its failure in
    private static @Nullable Object watched(@Nullable Object returned, RecordAcknowledgment attempt) {
        if (returned == null) {
            return null;
        }
        CompletableFuture<?> result = returned instanceof CompletableFuture<?> future
                ? future
                : isLate(returned) ? Reactor.future(returned) : CompletableFuture.completedFuture(returned);
        attempt.expectResult();
        return new WatchedResult<>(result, attempt);
    }

    @Override
    public boolean isAsyncReplies() {
        return handler.isAsyncReplies();
    }

    @Override
    public String getMethodAsString(Object payload) {
        return handler.getMethodAsString(payload);
    }

    @Override
    public Object getBean() {
        return handler.getBean();
    }

    @Override
    public @Nullable InvocationResult getInvocationResultFor(Object result, @Nullable Object payload) {
        return handler.getInvocationResultFor(result, payload);
    }

    /** Loaded only where there is such a class. */
    private static final class Reactor {

        private static boolean isMono(@Nullable Object result) {
            return result instanceof Mono;
        }

        private static CompletableFuture<?> future(Object result) {
            return ((Mono<?>) result).toFuture();
        }
    }

    /** A result as the adapter gets it, which waits for it by one call of {@link #whenComplete}. */
    private static final class WatchedResult<T> extends CompletableFuture<T> {

        private final RecordAcknowledgment attempt;

        WatchedResult(CompletableFuture<T> result, RecordAcknowledgment attempt) {
            this.attempt = attempt;
            var unused = result.whenComplete((value, failure) -> {
                if (failure == null) {
                    complete(value);
                } else {
                    completeExceptionally(failure);
                }
            });
        }

        @Override
        public CompletableFuture<T> whenComplete(BiConsumer<? super T, ? super Throwable> action) {
            return super.whenComplete(
                    (value, failure) -> attempt.takeResult(() -> action.accept(value, failure), failure));
        }

        @Override
        public <U> CompletableFuture<U> newIncompleteFuture() {
            return new CompletableFuture<>();
        }
    }
}
