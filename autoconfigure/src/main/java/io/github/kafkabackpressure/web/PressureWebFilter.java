package io.github.kafkabackpressure.web;

import java.nio.charset.StandardCharsets;
import org.springframework.core.Ordered;
import org.springframework.core.io.buffer.DataBufferUtils;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.ServerHttpRequest;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.server.ServerWebExchange;
import org.springframework.web.server.WebFilter;
import org.springframework.web.server.WebFilterChain;
import reactor.core.publisher.Mono;

/**
 * Answers 429 with {@code Retry-After} where a rule refuses a request to a reactive application.
 *
 * <p>Threading: any thread; nothing waits.
 */
public final class PressureWebFilter implements WebFilter, Ordered {

    private final PressureRules rules;

    public PressureWebFilter(PressureRules rules) {
        this.rules = rules;
    }

    @Override
    public int getOrder() {
        return PressureRules.ORDER;
    }

    @Override
    public Mono<Void> filter(ServerWebExchange exchange, WebFilterChain chain) {
        ServerHttpRequest request = exchange.getRequest();
        PressureRules.Refusal refusal = rules.refusal(
                request.getMethod().name(),
                request.getPath().pathWithinApplication(),
                name -> name == null ? null : request.getHeaders().getFirst(name));
        if (refusal == null) {
            return chain.filter(exchange);
        }
        ServerHttpResponse response = exchange.getResponse();
        response.setStatusCode(HttpStatus.TOO_MANY_REQUESTS);
        response.getHeaders().set("Retry-After", Long.toString(refusal.retryAfter()));
        response.getHeaders().setContentType(MediaType.APPLICATION_PROBLEM_JSON);
        byte[] body = refusal.body().getBytes(StandardCharsets.UTF_8);
        // The body is read and dropped first: what is left of it would stand before the connection's next request.
        return request.getBody()
                .doOnNext(DataBufferUtils::release)
                .then(response.writeWith(
                        Mono.fromSupplier(() -> response.bufferFactory().wrap(body))));
    }
}
