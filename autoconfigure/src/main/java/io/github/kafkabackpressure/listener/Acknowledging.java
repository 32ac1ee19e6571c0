package io.github.kafkabackpressure.listener;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.kafka.support.Acknowledgment;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.handler.annotation.Headers;

/**
 * How a listener's method may get at the acknowledgment with which it says itself when a record is finished.
 *
 * <p>Threading: immutable.
 */
enum Acknowledging {

    /** Not at all: its records are finished when it returns. */
    NEVER,

    /** By the headers of a message, where spring-kafka puts it; whether it does, the ack mode must tell. */
    BY_HEADERS,

    /** By a parameter of its own. */
    BY_PARAMETER;

    /**
     * How the methods of a listener, of which each record goes to one, may.
     *
     * @throws IllegalStateException if some take an acknowledgment and others cannot: a record for one of those could
     *     be acknowledged by nobody
     */
    static Acknowledging of(List<Method> methods) {
        Map<Acknowledging, List<Method>> byKind = methods.stream().collect(Collectors.groupingBy(Acknowledging::of));
        List<Method> never = byKind.getOrDefault(NEVER, List.of());
        List<Method> byParameter = byKind.getOrDefault(BY_PARAMETER, List.of());
        if (!byParameter.isEmpty() && !never.isEmpty()) {
            throw new IllegalStateException(
                    "Of the @KafkaHandler methods of "
                            + never.get(0).getDeclaringClass().getName() + ", " + names(byParameter)
                            + " takes an Acknowledgment and " + names(never)
                            + " does not, so a record for the latter would never be finished. Let all of them take it, or none.");
        }
        return !never.isEmpty() || methods.isEmpty() ? NEVER : byParameter.isEmpty() ? BY_HEADERS : BY_PARAMETER;
    }

    private static String names(List<Method> methods) {
        return methods.stream()
                .map(method -> method.getName() + "()")
                .distinct()
                .sorted()
                .collect(Collectors.joining(", "));
    }

    private static Acknowledging of(Method method) {
        return IntStream.range(0, method.getParameterCount())
                .mapToObj(index -> of(new MethodParameter(method, index)))
                .reduce(NEVER, (one, other) -> one.compareTo(other) > 0 ? one : other);
    }

    private static Acknowledging of(MethodParameter parameter) {
        ResolvableType type = ResolvableType.forMethodParameter(parameter);
        Class<?> raw = type.toClass();
        if (Acknowledgment.class.isAssignableFrom(raw)) {
            return BY_PARAMETER;
        }
        boolean messages = List.class == raw
                && Message.class.isAssignableFrom(type.getGeneric().toClass());
        return messages
                        || Message.class.isAssignableFrom(raw)
                        || MessageHeaders.class.isAssignableFrom(raw)
                        || parameter.hasParameterAnnotation(Headers.class)
                ? BY_HEADERS
                : NEVER;
    }
}
