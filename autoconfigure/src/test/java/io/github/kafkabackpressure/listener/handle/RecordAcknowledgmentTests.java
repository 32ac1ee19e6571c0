package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.ListenerExecutionFailedException;

/** The ends of attempts whose methods return results that come later. */
class RecordAcknowledgmentTests {

    private final RecordAcknowledgment acknowledgment =
            new RecordAcknowledgment(failure -> new Signal.Failed(new IllegalStateException(failure), null));

    private Throwable failure() {
        assertThat(acknowledgment.signal()).isInstanceOf(Signal.Failed.class);
        return ((Signal.Failed) acknowledgment.signal()).exception().getCause();
    }

    @Test
    void anAttemptWithoutAResultEndsWithItsMethod() {
        assertThat(acknowledgment.signal()).isNull();
        acknowledgment.returned();
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }

    @Test
    void anAttemptWithAResultEndsWithThatHoweverLateItsMethodReturns() {
        acknowledgment.expectResult();
        acknowledgment.resultTaken(null, null);
        assertThat(acknowledgment.signal()).isNull();
        acknowledgment.returned();
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }

    @Test
    void anAttemptWithSeveralResultsEndsWithTheLast() {
        acknowledgment.expectResult(); // as of a listener of single records that gets batches
        acknowledgment.expectResult();
        acknowledgment.returned();
        acknowledgment.resultTaken(null, null);
        assertThat(acknowledgment.signal()).isNull();
        acknowledgment.resultTaken(null, null);
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }

    @Test
    void aFailureThatNobodyReportsHasBeenDealtWith() {
        acknowledgment.expectResult();
        acknowledgment.returned();
        acknowledgment.resultTaken(new IllegalStateException("dealt with"), null);
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }

    @Test
    void whatIsThrownOverAResultFailsTheAttempt() {
        AssertionError thrown = new AssertionError("the reply cannot be sent");
        acknowledgment.expectResult();
        acknowledgment.returned();
        acknowledgment.resultTaken(null, thrown);
        assertThat(failure())
                .isInstanceOf(ListenerExecutionFailedException.class)
                .hasCause(thrown);
    }

    @Test
    void whatIsReportedCountsAndNothingThatComesLater() {
        IllegalStateException reported = new IllegalStateException("failed");
        List<Signal> signals = new ArrayList<>();
        acknowledgment.expectResult();
        acknowledgment.returned();
        assertThat(acknowledgment.whenSignalled(signals::add)).isTrue();
        acknowledgment.resultFailed(reported);
        acknowledgment.resultTaken(reported, null);
        acknowledgment.acknowledge();
        assertThat(failure()).isSameAs(reported);
        assertThat(signals).hasSize(1);
    }

    @Test
    void theUsersOwnAcknowledgmentEndsTheAttemptAtOnce() {
        acknowledgment.expectResult();
        acknowledgment.acknowledge();
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }
}
