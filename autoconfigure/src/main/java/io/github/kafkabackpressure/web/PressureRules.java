package io.github.kafkabackpressure.web;

import java.time.Duration;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;
import org.springframework.http.server.PathContainer;

/**
 * All rules, and what is answered where one refuses.
 *
 * <p>Threading: any thread.
 */
public final class PressureRules {

    /** The content type of the answers (RFC 9457). */
    static final String PROBLEM = "application/problem+json";

    /** Early, as a request that is turned away should cost little; after what measures and traces all of them. */
    static final int ORDER = Ordered.HIGHEST_PRECEDENCE + 100;

    private final List<PressureRule> rules;

    private final RetryAfter retryAfter;

    public PressureRules(List<PressureRule> rules, RetryAfter retryAfter) {
        this.rules = List.copyOf(rules);
        this.retryAfter = retryAfter;
    }

    /**
     * A refusal.
     *
     * @param retryAfter seconds after which to try again
     * @param body problem details as JSON
     */
    record Refusal(long retryAfter, String body) {}

    /** The refusal of a request; null if it may pass. */
    @Nullable Refusal refusal(String method, PathContainer path, UnaryOperator<@Nullable String> header) {
        for (PressureRule rule : rules) {
            if (rule.refuses(method, path, header)) {
                long seconds = retryAfter.seconds(rule.pressure().timeToDrain());
                return new Refusal(seconds, """
                        {"type":"about:blank","title":"Too Many Requests","status":429,\
                        "detail":"There is more to do than can be done at the moment; try again in %d s."}""".formatted(seconds));
            }
        }
        return null;
    }

    /**
     * Bounds for what a {@code Retry-After} says.
     *
     * @param least the shortest, at least 1 second
     * @param most the longest
     */
    public record RetryAfter(Duration least, Duration most) {

        /** An estimate in whole seconds, within the bounds. */
        long seconds(Duration estimate) {
            long seconds = (estimate.toMillis() + 999) / 1000;
            return Math.max(Math.max(1, least.toSeconds()), Math.min(most.toSeconds(), seconds));
        }
    }
}
