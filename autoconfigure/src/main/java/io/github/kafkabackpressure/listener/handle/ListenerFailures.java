package io.github.kafkabackpressure.listener.handle;

import org.jspecify.annotations.Nullable;
import org.springframework.kafka.listener.ListenerExecutionFailedException;

/**
 * Wraps what a listener threw the way spring-kafka's own container does it; error handlers look for that.
 *
 * <p>Threading: stateless; the workers, and the threads that report asynchronous failures.
 */
final class ListenerFailures {

    private ListenerFailures() {}

    static RuntimeException decorated(Exception exception, @Nullable String groupId) {
        if (exception instanceof ListenerExecutionFailedException failed) {
            String message = failed.getMessage() == null ? "Listener failed" : failed.getMessage();
            ListenerExecutionFailedException withGroup =
                    new ListenerExecutionFailedException(message, groupId, failed.getCause());
            withGroup.setStackTrace(failed.getStackTrace());
            return withGroup;
        }
        return new ListenerExecutionFailedException("Listener failed", groupId, exception);
    }
}
