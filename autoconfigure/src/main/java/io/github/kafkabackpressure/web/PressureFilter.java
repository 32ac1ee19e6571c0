package io.github.kafkabackpressure.web;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.springframework.core.Ordered;
import org.springframework.http.server.PathContainer;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Answers 429 with {@code Retry-After} where a rule refuses a request.
 *
 * <p>Threading: any thread.
 */
public final class PressureFilter extends OncePerRequestFilter implements Ordered {

    private final PressureRules rules;

    public PressureFilter(PressureRules rules) {
        this.rules = rules;
    }

    @Override
    public int getOrder() {
        return PressureRules.ORDER;
    }

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        String path = request.getRequestURI().substring(request.getContextPath().length());
        PressureRules.Refusal refusal =
                rules.refusal(request.getMethod(), PathContainer.parsePath(path), request::getHeader);
        if (refusal == null) {
            chain.doFilter(request, response);
            return;
        }
        response.setStatus(429);
        response.setHeader("Retry-After", Long.toString(refusal.retryAfter()));
        response.setContentType(PressureRules.PROBLEM);
        response.getOutputStream().write(refusal.body().getBytes(StandardCharsets.UTF_8));
    }
}
