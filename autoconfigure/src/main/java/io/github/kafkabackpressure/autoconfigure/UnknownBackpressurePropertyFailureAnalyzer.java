package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.UnknownBackpressurePropertyException;
import io.github.kafkabackpressure.UnknownBackpressurePropertyException.Unknown;
import java.util.stream.Collectors;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/** Says which properties do not exist, and which were probably meant. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class UnknownBackpressurePropertyFailureAnalyzer
        extends AbstractFailureAnalyzer<UnknownBackpressurePropertyException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, UnknownBackpressurePropertyException cause) {
        String listed = cause.properties().stream()
                .map(unknown -> """

                            Property: %s
                            Origin: %s
                            Nearest that exists: %s
                        """.formatted(unknown.name(), unknown.origin(), unknown.nearest()))
                .collect(Collectors.joining());
        String nearest = cause.properties().stream().map(Unknown::nearest).collect(Collectors.joining("', '"));
        return new FailureAnalysis(
                "Properties of Kafka Backpressure are set that do not exist:\n" + listed,
                "Set '" + nearest + "' if that is meant, or remove what is set.",
                cause);
    }
}
