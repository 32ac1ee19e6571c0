package io.github.kafkabackpressure.autoconfigure;

import io.github.kafkabackpressure.ListenerRefusedException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/** Says which listener cannot be had, and what to do instead. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class ListenerRefusedFailureAnalyzer extends AbstractFailureAnalyzer<ListenerRefusedException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, ListenerRefusedException cause) {
        return new FailureAnalysis(cause.reason(), cause.action(), cause);
    }
}
