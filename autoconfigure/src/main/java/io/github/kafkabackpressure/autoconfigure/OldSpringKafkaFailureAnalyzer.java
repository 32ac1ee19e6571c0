package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.BackpressuredListener;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.AnnotationConfigurationException;
import org.springframework.core.annotation.Order;

/** With an older spring-kafka, {@code @BackpressuredListener} has attributes that {@code @KafkaListener} has not yet. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class OldSpringKafkaFailureAnalyzer extends AbstractFailureAnalyzer<AnnotationConfigurationException> {

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, AnnotationConfigurationException cause) {
        String message = String.valueOf(cause.getMessage());
        if (!message.contains(BackpressuredListener.class.getName())) {
            return null;
        }
        return new FailureAnalysis(
                "Kafka Backpressure works with Spring Boot 4.1 and newer, and spring-kafka 4.1 and newer. This application"
                        + " has an older one: " + message,
                "Update Spring Boot to 4.1 or newer.",
                cause);
    }
}
