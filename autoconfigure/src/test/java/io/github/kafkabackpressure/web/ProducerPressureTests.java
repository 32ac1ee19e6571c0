package io.github.kafkabackpressure.web;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.kafkabackpressure.BufferState;
import io.github.kafkabackpressure.Overflow;
import io.github.kafkabackpressure.SendOutcome;
import io.github.kafkabackpressure.producer.ProducerSnapshot;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A buffer of 10,000 records with a soft limit of 8,000: pressure ends at 4,000. */
class ProducerPressureTests {

    private long nanos;

    private long buffered;

    private long bytes;

    private long delivered;

    private final ProducerPressure pressure = new ProducerPressure(
            this::snapshot, () -> buffered >= 8000 ? BufferState.PRESSURED : BufferState.NORMAL, () -> nanos);

    private ProducerSnapshot snapshot() {
        return new ProducerSnapshot(
                "template",
                BufferState.NORMAL,
                Overflow.BLOCK,
                buffered,
                8000,
                10_000,
                bytes,
                1_000_000,
                0,
                10_000,
                false,
                0,
                0,
                Duration.ZERO,
                delivered + buffered,
                Map.of(SendOutcome.DELIVERED, delivered));
    }

    private void after(Duration time, long deliveredMeanwhile) {
        nanos += time.toNanos();
        delivered += deliveredMeanwhile;
    }

    @Test
    void theTimeIsThatUntilHalfOfTheSoftLimitAtThePresentSpeedHoweverOftenItIsAsked() {
        buffered = 8000;
        for (int second = 0; second < 60; second++) {
            assertThat(pressure.isOver()).isTrue();
            if (second > 0) {
                assertThat(pressure.timeToDrain()).isEqualTo(Duration.ofSeconds(4));
            }
            after(Duration.ofSeconds(1), 1000);
        }
    }

    @Test
    void whoAsksElevenSecondsLaterIsToldTheSame() {
        buffered = 8000;
        pressure.isOver();
        for (int times = 0; times < 5; times++) {
            after(Duration.ofSeconds(11), 11_000);
            assertThat(pressure.isOver()).isTrue();
            assertThat(pressure.timeToDrain()).isEqualTo(Duration.ofSeconds(4));
        }
    }

    @Test
    void aDayWithNothingToDoSaysNothingOfThePresentSpeed() {
        delivered = 10;
        after(Duration.ofDays(1), 0);
        buffered = 8000;
        assertThat(pressure.timeToDrain()).isZero();
        after(Duration.ofMillis(100), 0); // the first acknowledgements are under way
        assertThat(pressure.timeToDrain()).isZero();
        after(Duration.ofMillis(900), 2000);
        assertThat(pressure.timeToDrain()).isEqualTo(Duration.ofSeconds(2));
        after(Duration.ofDays(1), 1000); // and so for whoever asks the next day
        assertThat(pressure.timeToDrain()).isZero();
    }

    @Test
    void whereNothingIsDeliveredItTakesLong() {
        buffered = 8000;
        pressure.isOver();
        after(Duration.ofSeconds(1), 0);
        assertThat(pressure.timeToDrain()).isGreaterThanOrEqualTo(Duration.ofHours(1));
        after(Duration.ofHours(1), 0);
        assertThat(pressure.timeToDrain()).isGreaterThanOrEqualTo(Duration.ofHours(1));
    }

    @Test
    void bytesCountAsRecordsDo() {
        buffered = 2000;
        bytes = 800_000;
        pressure.timeToDrain();
        after(Duration.ofSeconds(1), 500);
        assertThat(pressure.timeToDrain()).isEqualTo(Duration.ofSeconds(2)); // half of the bytes are a thousand records
    }

    @Test
    void anEmptyBufferTakesNoTime() {
        after(Duration.ofSeconds(1), 500);
        assertThat(pressure.isOver()).isFalse();
        assertThat(pressure.timeToDrain()).isZero();
    }
}
