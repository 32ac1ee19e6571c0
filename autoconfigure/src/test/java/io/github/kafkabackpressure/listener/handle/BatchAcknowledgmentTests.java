package io.github.kafkabackpressure.listener.handle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.kafkabackpressure.listener.handle.RecordAcknowledgment.Signal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BatchAcknowledgmentTests {

    /** Each time, how many records from the first on were acknowledged. */
    private final List<Integer> firstOnes = new ArrayList<>();

    private final BatchAcknowledgment acknowledgment = new BatchAcknowledgment(null, 10, firstOnes::add);

    @Test
    void theFirstRecordsAreAcknowledgedAndTheLastOneEndsTheBatch() {
        acknowledgment.acknowledge(3);
        assertThat(firstOnes).containsExactly(4);
        assertThat(acknowledgment.signal()).isNull();

        acknowledgment.acknowledge(9);
        assertThat(acknowledgment.signal()).isEqualTo(Signal.Done.DONE);
    }

    @Test
    void countsWhatTheUserGets() {
        acknowledgment.setPassed(new int[] {0, 2, 5, 6});
        assertThatIllegalArgumentException().isThrownBy(() -> acknowledgment.acknowledge(4));
        acknowledgment.acknowledge(1);
        assertThat(firstOnes).containsExactly(3);

        acknowledgment.acknowledge(3);
        assertThat(acknowledgment.signal()).as("what follows was taken out").isEqualTo(Signal.Done.DONE);
    }

    @Test
    void namesTheRecordToBeginWithAgainAmongAllOfTheBatch() {
        acknowledgment.setPassed(new int[] {0, 2, 5, 6});
        acknowledgment.nack(2, Duration.ZERO);
        assertThat(acknowledgment.signal()).isEqualTo(new Signal.Nacked(5, Duration.ZERO));
    }

    @Test
    void whenTheAttemptIsOverNothingIsAcknowledgedByItAnyMore() {
        acknowledgment.failed(new IllegalStateException("failed"), null);
        acknowledgment.acknowledge(3);
        assertThat(firstOnes).isEmpty();
    }
}
