package io.github.kafkabackpressure.producer;

import io.github.kafkabackpressure.RecordNotSentException;
import io.github.kafkabackpressure.SendOutcome;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The words in which a template says why it did not send a record.
 *
 * <p>Threading: immutable.
 */
final class Refusals {

    private final String template;
    private final ProducerOptions options;

    Refusals(String template, ProducerOptions options) {
        this.template = template;
        this.options = options;
    }

    /**
     * @param why what kept a shutdown from delivering it, in words
     * @throws IllegalArgumentException for outcomes that Kafka decides about
     */
    RecordNotSentException of(ProducerRecord<?, ?> record, SendOutcome outcome, String why) {
        String message = message(outcome, why);
        Throwable cause = outcome == SendOutcome.TIMED_OUT ? new TimeoutException(message) : null;
        return new RecordNotSentException(record, outcome, message, cause);
    }

    private String message(SendOutcome outcome, String why) {
        return switch (outcome) {
            case REJECTED -> "Refused: no room in " + buffer();
            case TIMED_OUT -> "Refused: no room in " + buffer() + " within max-block, " + options.maxBlock();
            case INTERRUPTED -> "Refused: interrupted while waiting to send";
            case RATE_LIMITED -> "Refused: not its turn under the rate limit of '" + template + "'";
            case DROPPED -> "Dropped: " + buffer() + " is under pressure";
            case CLOSED -> "Refused: the application context is closing, '" + template + "' takes no records";
            case NOT_DELIVERED -> "Not acknowledged while the application context was closing: " + why;
            case SPOOLED -> "Not acknowledged: " + why + "; kept in the spool directory for the next start";
            case DELIVERED, FAILED -> throw new IllegalArgumentException(outcome + " is not a refusal");
        };
    }

    private String buffer() {
        return "the buffer of '" + template + "' (max-buffered "
                + options.limits().records() + ", max-buffered-bytes "
                + options.limits().bytes() + ")";
    }
}
