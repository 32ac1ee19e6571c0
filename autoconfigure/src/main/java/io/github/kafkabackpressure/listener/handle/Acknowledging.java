package io.github.kafkabackpressure.listener.handle;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.core.KotlinDetector;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.kafka.listener.adapter.AdapterUtils;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.handler.annotation.Headers;

/**
 * How a listener's methods, of which each record goes to one, may get at the acknowledgment with which they say
 * themselves when a record is finished.
 *
 * <p>Threading: immutable.
 *
 * @param methods the methods of the listener by the way in which they may
 */
public record Acknowledging(Map<Way, List<Method>> methods) {

    /** How one method may. */
    public enum Way {

        /** Not at all: its records are finished when it returns. */
        NEVER,

        /** By the headers of a message, where spring-kafka puts it; whether it does, the ack mode must tell. */
        BY_HEADERS,

        /** By a parameter of its own. */
        BY_PARAMETER
    }

    public static Acknowledging of(List<Method> methods) {
        return new Acknowledging(methods.stream().collect(Collectors.groupingBy(Acknowledging::way)));
    }

    /**
     * Whether any of the methods says when a record is finished.
     *
     * @param manual whether the ack mode is a manual one
     */
    public boolean byAny(boolean manual) {
        return methods.keySet().stream().anyMatch(way -> says(way, manual));
    }

    /** Those of the methods whose records are finished when they return. */
    public List<Method> returning(boolean manual) {
        return withoutResult(way -> !says(way, manual));
    }

    /** Those of the methods that say when a record is finished, and give no asynchronous result that says so as well. */
    public List<Method> acknowledging(boolean manual) {
        return withoutResult(way -> says(way, manual));
    }

    private List<Method> withoutResult(Predicate<Way> ways) {
        return methods.entrySet().stream()
                .filter(entry -> ways.test(entry.getKey()))
                .flatMap(entry -> entry.getValue().stream())
                .filter(method -> !AdapterUtils.isAsyncReply(method.getReturnType()))
                .filter(method -> !KotlinDetector.isSuspendingFunction(method))
                .toList();
    }

    private static boolean says(Way way, boolean manual) {
        return way == Way.BY_PARAMETER || (way == Way.BY_HEADERS && manual);
    }

    private static Way way(Method method) {
        return IntStream.range(0, method.getParameterCount())
                .mapToObj(index -> way(new MethodParameter(method, index)))
                .reduce(Way.NEVER, (one, other) -> one.compareTo(other) > 0 ? one : other);
    }

    private static Way way(MethodParameter parameter) {
        ResolvableType type = ResolvableType.forMethodParameter(parameter);
        Class<?> raw = type.toClass();
        if (Acknowledgment.class.isAssignableFrom(raw)) {
            return Way.BY_PARAMETER;
        }
        boolean messages = List.class == raw
                && Message.class.isAssignableFrom(type.getGeneric().toClass());
        return messages
                        || Message.class.isAssignableFrom(raw)
                        || MessageHeaders.class.isAssignableFrom(raw)
                        || parameter.hasParameterAnnotation(Headers.class)
                ? Way.BY_HEADERS
                : Way.NEVER;
    }
}
