package io.github.kafkabackpressure.web;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.http.server.PathContainer;
import org.springframework.web.util.pattern.PathPattern;

/**
 * Which requests are turned away while something is under pressure.
 *
 * <p>Threading: immutable.
 *
 * @param paths of the requests, within the application
 * @param methods of the requests in upper case; empty: all
 * @param exemptHeader requests with this header pass; null: none does
 * @param exemptPriority if it is not null, only those pass whose header holds a number that is not below this
 * @param pressure what is asked
 */
public record PressureRule(
        List<PathPattern> paths,
        Set<String> methods,
        @Nullable String exemptHeader,
        @Nullable Integer exemptPriority,
        Pressure pressure) {

    public PressureRule {
        paths = List.copyOf(paths);
        methods = Set.copyOf(methods);
    }

    /**
     * Whether a request is turned away now.
     *
     * @param header gives the request's headers by name, or null
     */
    boolean refuses(String method, PathContainer path, UnaryOperator<@Nullable String> header) {
        return (methods.isEmpty() || methods.contains(method.toUpperCase(Locale.ROOT)))
                && paths.stream().anyMatch(pattern -> pattern.matches(path))
                && pressure.isOver()
                && !isExempt(header);
    }

    private boolean isExempt(UnaryOperator<@Nullable String> header) {
        String value = exemptHeader == null ? null : header.apply(exemptHeader);
        if (value == null || exemptPriority == null) {
            return value != null;
        }
        try {
            return Integer.parseInt(value.trim()) >= exemptPriority;
        } catch (NumberFormatException e) {
            return false;
        }
    }
}
