package io.github.kafkabackpressure;

import java.io.Serial;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.springframework.kafka.core.KafkaProducerException;

/**
 * A record did not get to Kafka, for a reason of the template's own; {@link #outcome()} names it. The future of the
 * send ends with it. Carries no stack trace: under overload there may be as many of these as records.
 */
public class RecordNotSentException extends KafkaProducerException {

    @Serial
    private static final long serialVersionUID = 1L;

    private final SendOutcome outcome;

    /**
     * @param record the record that was not sent
     * @param outcome why, in a word
     * @param message why, in a sentence
     */
    @SuppressWarnings("NullAway") // The superclass passes a missing cause on to RuntimeException, which allows it.
    public RecordNotSentException(
            ProducerRecord<?, ?> record, SendOutcome outcome, String message, @Nullable Throwable cause) {
        super(record, message, cause);
        this.outcome = outcome;
    }

    /** How the sending ended; never {@code DELIVERED} or {@code FAILED}. */
    public SendOutcome outcome() {
        return outcome;
    }

    @Override
    @SuppressWarnings("UnsynchronizedOverridesSynchronized") // Touches no state.
    public Throwable fillInStackTrace() {
        return this;
    }
}
