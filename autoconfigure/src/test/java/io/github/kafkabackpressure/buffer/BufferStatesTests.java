package io.github.kafkabackpressure.buffer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BufferStatesTests {

    /** Soft limits of 6 records and 600 bytes. */
    private final BufferStates states = new BufferStates(new BufferLimits(10, 1000, 6, 0));

    @ParameterizedTest
    @CsvSource({
        "5, 599, NORMAL",
        "6, 0, PRESSURED",
        "0, 600, PRESSURED",
        "9, 999, PRESSURED",
        "10, 0, FULL",
        "0, 1000, FULL"
    })
    void howFullItIsDependsOnRecordsAndOnBytes(int records, long bytes, BufferState state) {
        states.grown(records, bytes);
        assertThat(states.now()).isEqualTo(state);
        assertThat(states.hasChanged()).isEqualTo(state != BufferState.NORMAL);
    }

    @ParameterizedTest
    @CsvSource({"3, 300, NORMAL", "4, 300, FULL", "3, 301, FULL"})
    void anEpisodeEndsAtHalfOfTheSoftLimits(int records, long bytes, BufferState state) {
        states.full();
        states.shrunk(records, bytes);
        assertThat(states.now()).isEqualTo(state);
    }

    @Test
    void anEpisodeOnlyGoesUpAndItsChangesAreToldOnceEach() {
        states.shrunk(0, 0);
        states.grown(6, 0);
        states.grown(7, 0);
        states.full();
        states.grown(6, 0);
        states.full();
        states.shrunk(0, 0);

        assertThat(states.nextChange()).isEqualTo(BufferState.PRESSURED);
        assertThat(states.nextChange()).isEqualTo(BufferState.FULL);
        assertThat(states.hasChanged()).isTrue();
        assertThat(states.nextChange()).isEqualTo(BufferState.NORMAL);
        assertThat(states.hasChanged()).isFalse();
        assertThat(states.nextChange()).isNull();
    }
}
