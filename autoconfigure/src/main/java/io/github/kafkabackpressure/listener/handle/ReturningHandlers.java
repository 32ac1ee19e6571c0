package io.github.kafkabackpressure.listener.handle;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.adapter.DelegatingInvocableHandler;
import org.springframework.kafka.listener.adapter.HandlerAdapter;
import org.springframework.kafka.listener.adapter.MessagingMessageListenerAdapter;
import org.springframework.messaging.Message;
import org.springframework.util.ReflectionUtils;

/**
 * Calls the {@code @KafkaHandler} methods of a class, and lets a record be finished by the return of a method that takes
 * no acknowledgment where others of the class do. Only the call tells which method a record goes to.
 *
 * <p>Threading: the workers.
 */
public final class ReturningHandlers extends HandlerAdapter {

    private final Set<String> returning;

    private ReturningHandlers(DelegatingInvocableHandler handlers, List<Method> returning) {
        super(handlers);
        this.returning = returning.stream().map(Method::toGenericString).collect(Collectors.toSet());
    }

    /**
     * Puts it in the place of an adapter's own handlers, if there are some methods of both kinds.
     *
     * @param returning the methods whose records are finished when they return
     */
    public static void install(MessagingMessageListenerAdapter<?, ?> adapter, List<Method> returning) {
        Object own = field(MessagingMessageListenerAdapter.class, "handlerMethod", adapter);
        if (own != null
                && field(HandlerAdapter.class, "delegatingHandler", own)
                        instanceof DelegatingInvocableHandler handlers) {
            adapter.setHandlerMethod(new ReturningHandlers(handlers, returning));
        }
    }

    private static @Nullable Object field(Class<?> type, String name, Object of) {
        Field field = Objects.requireNonNull(ReflectionUtils.findField(type, name));
        ReflectionUtils.makeAccessible(field);
        return ReflectionUtils.getField(field, of);
    }

    @Override
    public @Nullable Object invoke(Message<?> message, @Nullable Object... providedArgs) throws Exception {
        if (returning.contains(getMethodAsString(message.getPayload()))) {
            for (Object arg : providedArgs) {
                if (arg instanceof RecordAcknowledgment acknowledgment) {
                    acknowledgment.endByReturn();
                }
            }
        }
        return super.invoke(message, providedArgs);
    }
}
