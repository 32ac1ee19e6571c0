package io.github.kafkabackpressure.web;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import java.time.Duration;
import java.util.function.Supplier;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Says to a web client why a buffered template has not taken a record: under the rate limit 429, else 503. Comes last, so
 * that the application's own handlers win.
 *
 * <p>Threading: any thread.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
public final class RefusalAdvice {

    private final PressureRules.RetryAfter retryAfter;

    private final Supplier<Duration> timeToDrain;

    /** @param timeToDrain about how long the buffers take to drain */
    public RefusalAdvice(PressureRules.RetryAfter retryAfter, Supplier<Duration> timeToDrain) {
        this.retryAfter = retryAfter;
        this.timeToDrain = timeToDrain;
    }

    /** Turns a refusal into an answer. */
    @ExceptionHandler(RecordNotSentException.class)
    ResponseEntity<ProblemDetail> refused(RecordNotSentException refusal) {
        HttpStatus status = refusal.outcome() == SendOutcome.RATE_LIMITED
                ? HttpStatus.TOO_MANY_REQUESTS
                : HttpStatus.SERVICE_UNAVAILABLE;
        String detail = switch (refusal.outcome()) {
            case RATE_LIMITED -> "There are more requests than are allowed in a time.";
            case CLOSED -> "The application is closing.";
            default -> "There is more to send than can be sent at the moment.";
        };
        return ResponseEntity.status(status)
                .header("Retry-After", Long.toString(retryAfter.seconds(timeToDrain.get())))
                .body(ProblemDetail.forStatusAndDetail(status, detail));
    }
}
