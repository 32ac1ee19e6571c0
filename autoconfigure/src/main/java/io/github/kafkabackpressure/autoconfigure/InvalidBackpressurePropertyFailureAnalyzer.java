package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.InvalidBackpressurePropertyException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/**
 * Turns an impossible property into a start-up message that says what it is and what it may be. Goes before Boot's own
 * analyzers: a property that is refused while it is bound is a bind failure too, and they know less about it.
 */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class InvalidBackpressurePropertyFailureAnalyzer
        extends AbstractFailureAnalyzer<InvalidBackpressurePropertyException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, InvalidBackpressurePropertyException cause) {
        String description = """
                A property of Kafka Backpressure has a value that cannot work:

                    Property: %s
                    Value: %s
                    Legal: %s""".formatted(cause.property(), cause.value(), cause.legal());
        return new FailureAnalysis(description, "Set '" + cause.property() + "' to " + cause.legal() + ".", cause);
    }
}
